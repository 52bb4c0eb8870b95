// @ts-check
/** The rounds that were. */
import { language, t } from '../app/prefs.js';
import { duration } from '../model/clock.js';
import { nameOf } from '../model/people.js';
import { labelOf } from '../model/results.js';
import { names } from '../app/meeting.js';
import { Exports } from './exports.js';
import { Icon } from './icons.js';
import { Bars } from './results.js';
import { html } from './kit.js';

/** @typedef {import('../model/types.js').Round} Round */

/** @param {{ view: import('./meeting.js').View }} props */
export function History({ view }) {
  const { meeting, room, me } = view;
  const rounds = [...meeting.history].reverse();
  if (rounds.length === 0) {
    return html`<div class="empty"><${Icon} name="history" size=${36} /><p class="strong">${t('history.empty')}</p><p class="quiet">${t('history.empty_text')}</p></div>`;
  }
  return html`<ol class="history" aria-label=${t('drawer.history')}>
      ${rounds.map((r) => html`<${Past} key=${r.round} round=${r} meeting=${meeting} me=${me} />`)}
    </ol>
    <div class="buttons foot">
      ${meeting.older > 0 && room && html`<button type="button" onClick=${() => room.earlier()}>${t('history.earlier', { n: meeting.older })}</button>`}
      <${Exports} view=${view} />
    </div>`;
}

/** @param {{ round: Round, meeting: import('../model/types.js').Meeting, me: string }} props */
function Past({ round, meeting, me }) {
  const { results } = round;
  const at = new Intl.DateTimeFormat(language.value, { hour: 'numeric', minute: '2-digit' }).format(round.revealed ?? round.ended);
  const short = results
    ? [t(`level.${results.level}`), results.median.length > 0 && `${t('results.median')} ${results.median.map(labelOf).join(' / ')}`].filter(Boolean).join(' · ')
    : t('history.hidden');
  return html`<li><details class="past">
    <summary>
      <span class="what"><b dir="auto">${round.title || t('round.quick')}</b><small>${t('round.number', { round: round.round })} · ${at} · ${short}</small></span>
      ${round.estimate ? html`<b class="points"><span class="hidden">${t('stories.estimate')} </span>${labelOf(round.estimate)}</b>` : null}
      <${Icon} name="chevron" size=${18} />
    </summary>
    ${results
      ? html`<${Bars} meeting=${meeting} round=${round} me=${me} /><p class="quiet small">${t('history.took', { time: duration(results.took, language.value), n: results.turnout.voted, voters: results.turnout.voters })}</p>`
      : html`<p class="quiet small">${t('history.hidden_text', { names: names((round.voted ?? []).map((id) => nameOf(meeting, id) || t('room.somebody'))) })}</p>`}
  </details></li>`;
}
