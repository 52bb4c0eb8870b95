// @ts-check
/** One person at the table. */
import { t } from '../app/prefs.js';
import { isFacilitator } from '../model/people.js';
import { labelOf } from '../model/results.js';
import { ask } from '../app/notices.js';
import { CardLabel, Icon } from './icons.js';
import { Popover, cx, html } from './kit.js';

/**
 * @typedef {import('./meeting.js').View} View
 * @typedef {import('../model/people.js').Seat} Person
 */

/** @param {Person} seat @param {boolean} revealed */
const stateOf = (seat, revealed) =>
  seat.card !== undefined ? 'shown' : seat.spectator ? 'spectator' : seat.voted ? 'voted' : revealed ? 'none' : 'thinking';

/** @param {{ seat: Person, view: View, far: boolean, grid: boolean, order: number, reaction?: { id: number, emoji: string } }} props */
export function Seat({ seat, view, far, grid, order, reaction }) {
  const { meeting, room } = view;
  const state = meeting.phase === 'closed' ? (seat.spectator ? 'spectator' : 'none') : stateOf(seat, meeting.phase === 'revealed');
  const own = seat.me && view.card !== null && meeting.phase === 'voting';
  const words = [
    t(`seat.${state}`, { card: seat.card === undefined ? '' : labelOf(seat.card) }),
    seat.first !== undefined && t('seat.changed', { first: seat.first === null ? '–' : labelOf(seat.first) }),
    seat.edge && t(`seat.${seat.edge}`),
    seat.away && t(seat.gone ? 'seat.gone' : 'seat.away'),
    seat.rank && t(`rank.${seat.rank}`),
  ].filter(Boolean).join(', ');
  const body = html`
    <span class="mini" data-state=${state} data-edge=${seat.edge} data-own=${own || undefined} style=${{ '--n': order }} aria-hidden="true">
      ${state === 'shown' ? html`<span class="front"><${CardLabel} id=${seat.card} label=${labelOf(seat.card ?? '')} /></span>`
        : state === 'voted' ? html`<span class="back">${own ? html`<span class="peek"><${CardLabel} id=${view.card} label=${labelOf(view.card ?? '')} /></span>` : html`<${Icon} name="check" size=${grid ? 14 : 18} />`}</span>`
        : state === 'spectator' ? html`<${Icon} name="eye" size=${grid ? 14 : 20} />`
        : state === 'thinking' ? html`<span class="dots"><i></i><i></i><i></i></span>` : null}
      ${seat.edge && html`<span class="edge">${seat.edge === 'low' ? '▾' : '▴'}</span>`}
    </span>
    <span class="name"><span dir="auto" title=${seat.name}>${seat.name}</span>${seat.rank === 'owner' && html`<${Icon} name="crown" size=${13} />`}${(seat.rank === 'facilitator' || seat.rank === 'acting') && html`<${Icon} name="star" size=${12} />`}${seat.me && html`<em>${t('seat.you')}</em>`}</span>
    ${seat.first !== undefined && html`<span class="was" aria-hidden="true">${seat.first === null ? '–' : labelOf(seat.first)} →</span>`}
    <span class="hidden">, ${words}</span>
    ${reaction && html`<span class="reaction" key=${reaction.id} aria-hidden="true">${reaction.emoji}</span>`}`;
  const menu = room && !seat.me && actions(seat, view);
  return html`<li class=${cx('seat', far && 'far', seat.away && 'away', seat.me && 'me')} data-member=${seat.id} data-state=${state}>
    ${menu && menu.length
      ? html`<${Popover} class="plain who" label=${undefined} title=${seat.name} button=${body} panel="menu">${(/** @type {() => void} */ close) => html`
          <p class="strong" dir="auto">${seat.name}</p>
          ${menu.map(({ icon, key, off, danger, act }) => html`<button type="button" class=${cx('item', danger && 'danger-text')} disabled=${off} onClick=${() => {
            close();
            act();
          }}><${Icon} name=${icon} />${t(key)}</button>`)}`}<//>`
      : html`<span class="who">${body}</span>`}
  </li>`;
}

/**
 * What the viewer may do about this person. What a vote makes useless stays in its
 * place, so that no click falls on what would move there.
 * @param {Person} seat
 * @param {View} view
 * @returns {{ icon: string, key: string, off?: boolean, danger?: boolean, act: () => void }[]}
 */
export function actions(seat, { meeting, me, room }) {
  if (!room || !isFacilitator(meeting, me)) return [];
  const owner = meeting.owner === me;
  const member = seat.id;
  const plain = !seat.rank;
  const go = async (/** @type {boolean} */ ban) => {
    const yes = await ask({ title: t(ban ? 'ask.ban' : 'ask.remove', { name: seat.name }), text: t(ban ? 'ask.ban_text' : 'ask.remove_text'), yes: t('do.remove'), danger: true });
    if (yes) room.do('remove_member', { member, ban });
  };
  return [
    !seat.spectator && meeting.phase !== 'closed' && { icon: 'bell', key: 'seat.nudge', off: seat.voted || seat.away || meeting.phase !== 'voting', act: () => room.do('nudge', { member }) },
    { icon: seat.spectator ? 'hand' : 'eye', key: seat.spectator ? 'seat.make_voter' : 'seat.make_spectator', act: () => room.do('set_role', { member, role: seat.spectator ? 'voter' : 'spectator' }) },
    plain && { icon: 'star', key: 'seat.promote', act: () => room.do('promote', { member }) },
    owner && seat.rank === 'facilitator' && { icon: 'star', key: 'seat.demote', act: () => room.do('demote', { member }) },
    owner && { icon: 'crown', key: 'seat.transfer', act: async () => (await ask({ title: t('ask.transfer', { name: seat.name }), text: t('ask.transfer_text'), yes: t('do.transfer') })) && room.do('transfer', { member }) },
    (owner || plain) && { icon: 'leave', key: 'seat.remove', danger: true, act: () => go(false) },
    (owner || plain) && { icon: 'lock', key: 'seat.ban', danger: true, act: () => go(true) },
  ].filter((a) => a !== false);
}
