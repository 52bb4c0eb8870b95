// @ts-check
/** The table: a small card for each person, and in its centre what comes next. */
import { t } from '../app/prefs.js';
import { placeIn } from '../model/results.js';
import { sorted } from '../model/people.js';
import { Centre } from './centre.js';
import { reactionsBy } from './reactions.js';
import { Seat } from './seat.js';
import { Invitation } from './share.js';
import { cx, html } from './kit.js';

/** More people than this sit in a grid. */
const ROUND_TABLE = 16;

/** More than this are drawn smaller on a phone. */
const SMALL = 8;

/** @param {{ view: import('./meeting.js').View}} props */
export function Table({ view }) {
  const { meeting, room, visit } = view;
  const grid = view.seats.length > ROUND_TABLE;
  const people = grid ? sorted(view.seats, placeIn(meeting.deck)) : view.seats;
  const half = Math.ceil(people.length / 2);
  const alone = room && visit && people.length === 1 && meeting.phase !== 'closed';
  const rising = reactionsBy(view);
  return html`<section class=${cx('table', grid && 'grid', !grid && people.length > SMALL && 'many', alone && 'alone')} aria-label=${t('table.title')} data-phase=${meeting.phase}>
    <ul class="people" aria-label=${t('table.people', { n: people.length })}>
      ${people.map((seat, i) => html`<${Seat} key=${seat.id} seat=${seat} view=${view} far=${!grid && i >= half} grid=${grid} order=${i} reaction=${rising.get(seat.id)} />`)}
    </ul>
    <${Centre} view=${view} />
    ${alone && html`<div class="welcome"><${Invitation} session=${visit.session} /></div>`}
  </section>`;
}
