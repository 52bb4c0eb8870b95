// @ts-check
/** The hand: the cards to choose from, always in view. */
import { t } from '../app/prefs.js';
import { amVoter, may } from '../model/people.js';
import { labelOf } from '../model/results.js';
import { CardLabel, Icon } from './icons.js';
import { calm, cx, html, useEffect, useRef, useState } from './kit.js';

/** @param {{ view: import('./meeting.js').View }} props */
export function Hand({ view }) {
  const { meeting, room, me, card, content } = view;
  if (!room) return html`<section class="hand"><${Cards} view=${view} /></section>`;
  if (!amVoter(meeting, me)) {
    return html`<section class="hand watching"><p><${Icon} name="eye" />${t('hand.watching')}</p>
      <button type="button" onClick=${() => room.do('set_role', { role: 'voter' })}>${t('me.vote')}</button></section>`;
  }
  const waits = content.pick?.round === meeting.round?.round;
  return html`<section class="hand" aria-label=${t('hand.title')}>
    <p class="hint" data-voted=${card !== null || undefined}>
      ${card === null ? html`<span>${t('hand.choose')}</span>` : html`<${Icon} name="check" size=${16} /><span>${t(waits ? 'hand.sending' : 'hand.voted', { card: labelOf(card) })}</span>
        <button type="button" class="link" id="retract" onClick=${() => room.vote(null)}>${t('hand.retract')}</button>`}
    </p>
    <${Cards} view=${view} />
  </section>`;
}

/**
 * A radio group: arrows move along the cards, Enter, Space or a click votes.
 * @param {{ view: import('./meeting.js').View }} props
 */
export function Cards({ view: { meeting, room, card, content } }) {
  const ref = useRef(/** @type {any} */ (null));
  const [at, setAt] = useState('');
  const { cards } = meeting.deck;
  const current = [at, card, cards[0]?.id].find((id) => cards.some((c) => c.id === id));
  useNudge(ref, content.nudged);
  const onKeyDown = (/** @type {KeyboardEvent} */ e) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
    const i = cards.findIndex((c) => c.id === current);
    const to = e.key === 'Home' ? 0 : e.key === 'End' ? cards.length - 1 : by && (i + by + cards.length) % cards.length;
    if (to === undefined || to === 0 && !by && e.key !== 'Home') return;
    e.preventDefault();
    ref.current.querySelectorAll('[role=radio]')[to].focus();
  };
  return html`<div class="cards" role="radiogroup" aria-label=${t('hand.cards')} ref=${ref} onKeyDown=${onKeyDown} data-many=${cards.length > 14 || undefined} style=${{ '--count': cards.length }}>
    ${cards.map((c) => html`<button type="button" role="radio" key=${c.id} class=${cx('playing-card', c.rank === undefined && 'special')} data-card=${c.id} aria-checked=${c.id === card}
      aria-label=${t(c.id === 'coffee' ? 'card.coffee' : c.id === '?' ? 'card.unsure' : 'card.of', { card: c.label })}
      tabindex=${c.id === current ? 0 : -1} onFocus=${() => setAt(c.id)} onClick=${() => room?.vote(c.id)}><${CardLabel} id=${c.id} label=${c.label} /></button>`)}
  </div>`;
}

/** Somebody waits for this person: the hand shakes. @param {{ current: HTMLElement | null }} ref @param {number} nudged */
function useNudge(ref, nudged) {
  const known = useRef(nudged);
  useEffect(() => {
    if (nudged === known.current || calm()) return;
    known.current = nudged;
    ref.current?.animate([0, -6, 6, -4, 4, 0].map((x) => ({ transform: `translateX(${x}px)` })), { duration: 450 });
  }, [nudged]);
}

/** After the reveal, where votes may still be changed. @param {{ view: import('./meeting.js').View }} props */
export function LateHand({ view }) {
  const [open, setOpen] = useState(false);
  const { meeting, me, card } = view;
  if (!meeting.options.late_change || !amVoter(meeting, me) || !may(meeting, me, 'everyone')) return null;
  return html`<div class="late">
    <button type="button" class="link" aria-expanded=${open} onClick=${() => setOpen(!open)}>${card === null ? t('hand.late_add') : t('hand.late', { card: labelOf(card) })}</button>
    ${open && html`<${Cards} view=${view} />`}
  </div>`;
}
