// @ts-check
/** What the keyboard does, and what the signs mean. */
import { t } from '../app/prefs.js';
import { Icon } from './icons.js';
import { Dialog, html } from './kit.js';

/** @type {[keys: string[], text: string][]} */
const keys = [
  [['1', '3'], 'help.digits'], [['←', '→'], 'help.arrows'], [['Enter'], 'help.enter'],
  [['R'], 'help.reveal'], [['N'], 'help.next'], [['?'], 'help.help'], [['Esc'], 'help.escape'],
];

/** @type {[state: string, text: string][]} */
const signs = [['thinking', 'seat.thinking'], ['voted', 'seat.voted'], ['spectator', 'seat.spectator']];

/** @param {{ onClose: () => void }} props */
export const Help = ({ onClose }) => html`<${Dialog} label=${t('help.title')} onClose=${onClose}>
  <header class="dialog-head"><h2>${t('help.title')}</h2><button type="button" class="plain icon-only" aria-label=${t('do.close')} onClick=${onClose}><${Icon} name="x" /></button></header>
  <dl class="keys">${keys.map(([k, text]) => html`<div><dt>${k.map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${t(text)}</dd></div>`)}</dl>
  <h3>${t('help.signs')}</h3>
  <ul class="signs">${signs.map(([state, text]) => html`<li><span class="mini" data-state=${state} aria-hidden="true">${state === 'voted' ? html`<span class="back"><${Icon} name="check" size=${14} /></span>` : state === 'spectator' ? html`<${Icon} name="eye" size=${14} />` : html`<span class="dots"><i></i><i></i><i></i></span>`}</span>${t(text)}</li>`)}
    <li><span class="sign"><${Icon} name="crown" size=${16} /></span>${t('rank.owner')}</li>
    <li><span class="sign"><${Icon} name="star" size=${16} /></span>${t('rank.facilitator')}</li>
  </ul>
  <p class="quiet small">${t('help.hidden')}</p>
<//>`;
