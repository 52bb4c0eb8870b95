// @ts-check
/** The choice of a deck. */
import { t } from '../app/prefs.js';
import { decks } from '../model/decks.js';
import { labelOf } from '../model/results.js';
import { CardLabel } from './icons.js';
import { html, useState } from './kit.js';

/** @param {{ view: import('./meeting.js').View, allowed: boolean }} props */
export function Decks({ view: { meeting, room }, allowed }) {
  const { deck } = meeting;
  const [own, setOwn] = useState(false);
  const custom = own || deck.id === 'custom';
  const choose = (/** @type {any} */ e) => {
    const id = e.target.value;
    e.target.value = deck.id; // until the meeting says so
    setOwn(id === 'custom');
    if (id !== 'custom') room?.deck({ deck: id });
  };
  const submit = async (/** @type {any} */ e) => {
    e.preventDefault();
    const cards = e.target.elements.cards.value.split(/[\s,，、;]+/).filter(Boolean);
    if (await room?.deck({ cards })) setOwn(false);
  };
  return html`
    <label class="line"><span>${t('deck.choose')}</span><select id="deck" disabled=${!allowed} value=${custom ? 'custom' : deck.id} onChange=${choose}>
      ${[...Object.keys(decks), 'custom'].map((id) => html`<option value=${id}>${t(`deck.${id}`)}</option>`)}
    </select></label>
    ${!custom && html`<p class="labels" aria-label=${t('hand.cards')} role="img">${deck.cards.map((c) => html`<span key=${c.id}><${CardLabel} id=${c.id} label=${c.label} /></span>`)}</p>`}
    ${custom && html`<form class="own-deck" onSubmit=${submit}>
      <label class="quiet small" for="own-cards">${t('deck.own')}</label>
      <div class="field"><input id="own-cards" name="cards" disabled=${!allowed} autocomplete="off" spellcheck=${false} placeholder="1 2 4 8 ? ☕" defaultValue=${deck.id === 'custom' ? deck.cards.map((c) => labelOf(c.id)).join(' ') : ''} /><button type="submit" disabled=${!allowed}>${t('do.set')}</button></div>
    </form>`}`;
}
