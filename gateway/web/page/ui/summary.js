// @ts-check
/** A meeting that was closed: what came of it. */
import { language, t } from '../app/prefs.js';
import { duration } from '../model/clock.js';
import { may } from '../model/people.js';
import { labelOf, number, total } from '../model/results.js';
import { Exports } from './exports.js';
import { html } from './kit.js';

/** @param {{ view: import('./meeting.js').View }} props */
export function Summary({ view }) {
  const { meeting, room, me } = view;
  const { estimated, sum } = total(meeting.stories);
  const summary = /** @type {any} */ (meeting.summary);
  return html`<section class="summary" aria-label=${t('summary.title')}>
    <h2>${t('summary.title')}</h2>
    <dl class="figures">
      <div><dt>${t('summary.rounds')}</dt><dd>${summary?.revealed ?? meeting.history.filter((r) => r.revealed).length + meeting.older}</dd></div>
      <div><dt>${t('summary.estimated')}</dt><dd>${estimated}/${meeting.stories.length}</dd></div>
      ${sum !== undefined && html`<div><dt>${t('summary.total')}</dt><dd>${number(sum, language.value)}</dd></div>`}
      ${summary && html`<div><dt>${t('summary.duration')}</dt><dd>${duration(summary.duration, language.value)}</dd></div>`}
    </dl>
    ${meeting.stories.length > 0 && html`<ul class="outcome">${meeting.stories.map((s) => html`<li key=${s.id}><span dir="auto">${s.title}</span><b>${s.estimate ? labelOf(s.estimate.value) : '–'}</b></li>`)}</ul>`}
    <div class="buttons">
      ${room && may(meeting, me, 'owner') && html`<button type="button" class="primary" id="reopen" onClick=${() => room.do('reopen')}>${t('do.reopen')}</button>`}
      <${Exports} view=${view} />
    </div>
  </section>`;
}
