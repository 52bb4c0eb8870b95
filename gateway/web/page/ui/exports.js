// @ts-check
/** What one takes home: CSV and JSON. */
import { download } from '../app/clipboard.js';
import { t } from '../app/prefs.js';
import { fileName, json, roundsCSV, storiesCSV } from '../model/export.js';
import { Icon } from './icons.js';
import { Popover, html } from './kit.js';

/** @param {{ view: import('./meeting.js').View }} props */
export function Exports({ view: { room, visit } }) {
  if (!room || !visit) return null;
  const save = async (/** @type {string} */ what, /** @type {'csv' | 'json'} */ ending, /** @type {() => string} */ text) => {
    if (!(await room.everything())) return;
    download(fileName(visit.session, what, ending, visit.clock), ending === 'csv' ? 'text/csv;charset=utf-8' : 'application/json', text());
  };
  return html`<${Popover} class="export" label=${t('export.title')} panel="menu" button=${html`<${Icon} name="download" size=${18} /><span>${t('export.title')}</span>`}>
    ${(/** @type {() => void} */ close) => [
      { key: 'export.rounds', act: () => save('rounds', 'csv', () => roundsCSV(room.meeting)) },
      { key: 'export.stories', act: () => save('stories', 'csv', () => storiesCSV(room.meeting)) },
      { key: 'export.json', act: () => save('meeting', 'json', () => json(room.meeting, visit.session, visit.clock)) },
    ].map(({ key, act }) => html`<button type="button" class="item" data-export=${key} onClick=${() => {
      close();
      act();
    }}>${t(key)}</button>`)}
  <//>`;
}
