// @ts-check
/** A meeting: three bands on one screen, and a drawer. */
import { t } from '../app/prefs.js';
import { fromState } from '../model/meeting.js';
import { ownCard, progress, seats, step } from '../model/people.js';
import { isUnanimous } from '../model/results.js';
import { Bar } from './bar.js';
import { Confetti } from './confetti.js';
import { Drawer } from './drawer.js';
import { Hand } from './hand.js';
import { Help } from './help.js';
import { Icon } from './icons.js';
import { Results } from './results.js';
import { Summary } from './summary.js';
import { Table } from './table.js';
import { useKeys } from './shortcuts.js';
import { cx, html, useEffect, useState } from './kit.js';

/**
 * What all parts of the screen are given.
 * @typedef {object} View
 * @property {import('../model/types.js').Meeting} meeting
 * @property {import('../app/meeting.js').MeetingRoom | null} room null: only looked at, from outside
 * @property {import('../app/visit.js').Visit | null} visit
 * @property {string} me
 * @property {import('../app/meeting.js').Content} content
 * @property {import('../model/people.js').Seat[]} seats
 * @property {{ voted: number, voters: number, missing: import('../model/people.js').Seat[] }} progress
 * @property {ReturnType<typeof step>} step
 * @property {string | null} card the own one
 * @property {() => number} clock the gateway's
 */

/**
 * @param {Pick<View, 'room' | 'visit' | 'me' | 'content'>} given
 * @returns {View}
 */
function viewOf(given) {
  const { meeting, pick } = given.content;
  const people = seats(meeting, given.me, pick);
  const done = progress(people);
  return {
    ...given, meeting, seats: people, progress: done, step: step(meeting, done), card: ownCard(meeting, given.me, pick),
    clock: () => given.visit?.clock ?? Date.now(),
  };
}

/** @param {{ visit: import('../app/visit.js').Visit, now: import('../app/visit.js').Now }} props */
export function Meeting({ visit, now }) {
  const [drawer, setDrawer] = useState('');
  const [help, setHelp] = useState(false);
  const view = viewOf({ room: /** @type {any} */ (visit.kind), visit, me: now.me, content: now.content });
  const { meeting, progress: done } = view;
  useKeys(view, () => setHelp(true));
  const title = meeting.round?.title || t('round.quick');
  useEffect(() => {
    document.title = meeting.phase === 'voting' ? `(${done.voted}/${done.voters}) ${title} · Plenum` : `${title} · Plenum`;
  }, [meeting.phase, done.voted, done.voters, title]);
  return html`<div class=${cx('meeting', drawer && 'with-drawer')} data-phase=${meeting.phase}>
    <${Bar} view=${view} phase=${now.phase} replica=${now.replica} drawer=${drawer} onDrawer=${(/** @type {string} */ d) => setDrawer(d === drawer ? '' : d)} onHelp=${() => setHelp(true)} />
    <${Lost} phase=${now.phase} waiting=${now.waiting} card=${view.card} />
    <main class="stage">
      <${Table} view=${view} />
      <${Bottom} view=${view} />
    </main>
    ${drawer && html`<${Drawer} view=${view} tab=${drawer} onTab=${setDrawer} onClose=${() => setDrawer('')} />`}
    ${help && html`<${Help} onClose=${() => setHelp(false)} />`}
    ${meeting.round?.round === now.content.celebrated && isUnanimous(meeting.round) && html`<${Confetti} key=${meeting.round?.round} />`}
  </div>`;
}

/** The meeting as it looks from the door. @param {{ seen: any }} props */
export function Preview({ seen }) {
  const content = { meeting: fromState(seen), pick: null, reactions: [], nudged: 0, celebrated: 0 };
  const view = viewOf({ room: null, visit: null, me: '', content });
  return html`<div class="meeting preview" inert data-phase=${view.meeting.phase}>
    <${Bar} view=${view} phase="connecting" drawer="" />
    <div class="stage"><${Table} view=${view} /><${Bottom} view=${view} /></div>
  </div>`;
}

/** @param {{ view: View }} props */
function Bottom({ view }) {
  if (view.meeting.phase === 'closed') return html`<${Summary} view=${view} />`;
  return view.meeting.phase === 'revealed' ? html`<${Results} view=${view} />` : html`<${Hand} view=${view} />`;
}

/** @param {{ phase: string, waiting: number, card: string | null }} props */
function Lost({ phase, waiting, card }) {
  if (phase !== 'reconnecting') return null;
  return html`<p class="banner" id="banner" role="status">
    <${Icon} name="wifi" size=${18} />
    <span>${t(card === null ? 'lost.plain' : 'lost.vote')}</span>
    ${waiting > 0 && html`<span class="count">${t('lost.waiting', { n: waiting })}</span>`}
  </p>`;
}
