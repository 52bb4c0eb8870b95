// @ts-check
/** After the reveal: who voted what, and what follows from it. */
import { language, t } from '../app/prefs.js';
import { duration } from '../model/clock.js';
import { isolated } from '../lang/i18n.js';
import { may, nameOf } from '../model/people.js';
import { columns, labelOf, number } from '../model/results.js';
import { LateHand } from './hand.js';
import { CardLabel, Icon } from './icons.js';
import { cx, html, useState } from './kit.js';

/** @typedef {import('./meeting.js').View} View */

/** @param {{ view: View }} props */
export function Results({ view }) {
  const { meeting } = view;
  if (!meeting.round?.results) return null;
  return html`<section class="results" aria-label=${t('results.title')}>
    <${Bars} meeting=${meeting} round=${meeting.round} me=${view.me} />
    <div class="verdict"><${Agreement} results=${meeting.round.results} /><${Figures} view=${view} /><${Save} view=${view} /><${LateHand} view=${view} /></div>
  </section>`;
}

/** @param {{ meeting: import('../model/types.js').Meeting, round: import('../model/types.js').Round, me?: string }} props */
export function Bars({ meeting, round, me }) {
  const list = columns(meeting.deck, round);
  const most = Math.max(...list.map((c) => c.count));
  return html`<ol class="bars" aria-label=${t('results.votes')}>
    ${list.map((c) => html`<li key=${c.card} class=${cx('column', c.top && 'top', !c.count && 'gap', !c.ranked && 'special', c.low && 'low', c.high && 'high', c.outlier && 'outlier')} style=${{ '--count': c.count }}>
      <span class="bar-box" aria-hidden="true"><span class="votes" style=${{ '--part': c.count / most }}>${c.count > 0 && html`<b>${c.count}</b>`}</span></span>
      <span class="chip" aria-hidden="true"><${CardLabel} id=${c.card} label=${c.label} />${(c.low || c.high) && html`<i class="edge">${c.low ? '▾' : '▴'}</i>`}</span>
      <span class="hidden">${t('results.column', { card: c.label, n: c.count })}${c.low ? `, ${t('results.lowest')}` : ''}${c.high ? `, ${t('results.highest')}` : ''}</span>
      ${c.people.length > 0 && html`<span class="voters" data-many=${c.people.length > 8 || undefined}>${c.people.map((p) => html`<span key=${p.id} class=${cx(p.id === me && 'me')}>${nameOf(meeting, p.id)}${p.first !== undefined && html`<small> (${t('results.was', { card: p.first === null ? '–' : labelOf(p.first) })})</small>`}</span>`)}</span>`}
    </li>`)}
  </ol>`;
}

/** @param {{ results: import('../model/types.js').Results }} props */
const Agreement = ({ results }) => html`<div class="agreement" data-level=${results.level}>
  <svg viewBox="0 0 44 44" width="68" height="68" aria-hidden="true"><circle cx="22" cy="22" r="19" pathLength="100" /><circle class="part" cx="22" cy="22" r="19" pathLength="100" stroke-dasharray=${`${results.agreement} 100`} /></svg>
  <p><b>${results.agreement}<small>%</small></b><span>${t('results.agreement')}</span></p>
</div>`;

/** @param {{ view: View }} props */
function Figures({ view: { meeting } }) {
  const { results, changed } = /** @type {import('../model/types.js').Round} */ (meeting.round);
  if (!results) return null;
  const { mean, median, lowest, highest, turnout, took } = results;
  const who = (/** @type {import('../model/types.js').Edge} */ e) => (e.members?.length ? ` ${e.members.map((id) => isolated(nameOf(meeting, id))).slice(0, 3).join(', ')}${e.members.length > 3 ? ` +${e.members.length - 3}` : ''}` : '');
  const range = lowest && highest && lowest.card !== highest.card;
  return html`<dl class="figures">
    ${median.length > 0 && html`<div><dt>${t('results.median')}</dt><dd>${median.map(labelOf).join(' / ')}</dd></div>`}
    ${mean !== null && html`<div><dt>${t('results.mean')}</dt><dd>${number(mean, language.value)}</dd></div>`}
    ${range && html`<div class="low"><dt>${t('results.lowest')}</dt><dd>${labelOf(lowest.card)}<small>${who(lowest)}</small></dd></div>
      <div class="high"><dt>${t('results.highest')}</dt><dd>${labelOf(highest.card)}<small>${who(highest)}</small></dd></div>`}
    <div><dt>${t('results.turnout')}</dt><dd>${turnout.voted}/${turnout.voters}<small> ${t('results.after', { time: duration(took, language.value) })}</small></dd></div>
    ${changed && html`<div><dt>${t('results.changed')}</dt><dd>${Object.keys(changed).length}</dd></div>`}
  </dl>`;
}

/** The final estimate: the suggestion is one click away. @param {{ view: View }} props */
function Save({ view: { meeting, room, me } }) {
  const { round, deck, options } = meeting;
  const [other, setOther] = useState(false);
  if (!room || !round) return null;
  const saved = round.estimate;
  if (!may(meeting, me, options.flow_by)) return saved ? html`<p class="saved"><${Icon} name="check" size=${18} />${t('results.saved', { value: labelOf(saved) })}</p>` : null;
  const suggested = round.results?.suggested;
  const save = (/** @type {string} */ value) => {
    setOther(false);
    room.estimate(value);
  };
  return html`<div class="save">
    ${saved ? html`<p class="saved" id="saved"><${Icon} name="check" size=${18} />${t('results.saved', { value: labelOf(saved) })}</p>`
      : suggested ? html`<button type="button" class="primary" id="save" onClick=${() => save(suggested)}>${t('results.save', { value: labelOf(suggested) })}</button>` : null}
    <button type="button" class="link" aria-expanded=${other} onClick=${() => setOther(!other)}>${t(saved || suggested ? 'results.other' : 'results.set')}</button>
    ${other && html`<div class="others">
      ${deck.cards.filter((c) => c.rank !== undefined).map((c) => html`<button type="button" key=${c.id} aria-pressed=${c.id === saved} onClick=${() => save(c.id)}>${c.label}</button>`)}
      <${Own} onSave=${save} />
      ${saved && html`<button type="button" class="link" onClick=${() => save('')}>${t('results.clear')}</button>`}
    </div>`}
  </div>`;
}

/** @param {{ onSave: (value: string) => void }} props */
function Own({ onSave }) {
  const submit = (/** @type {any} */ e) => {
    e.preventDefault();
    const value = e.target.elements.value.value.trim();
    if (value) onSave(value);
  };
  return html`<form class="field" onSubmit=${submit}><input name="value" maxlength="8" size="6" aria-label=${t('results.own')} placeholder=${t('results.own')} autocomplete="off" /><button type="submit">${t('do.save')}</button></form>`;
}
