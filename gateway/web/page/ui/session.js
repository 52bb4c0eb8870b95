// @ts-check
/** A session: the name box first, then what its kind shows. */
import { MeetingRoom } from '../app/meeting.js';
import { PlainRoom } from '../app/room.js';
import { peek } from '../app/http.js';
import { tokenOf } from '../app/route.js';
import { Visit, seatOf } from '../app/visit.js';
import { kept, keep } from '../app/storage.js';
import { Join } from './join.js';
import { Meeting, Preview } from './meeting.js';
import { Over } from './over.js';
import { Room } from './room.js';
import { html, useEffect, useState, useStore } from './kit.js';

/** @param {string} kind @param {Visit} visit */
const kinds = (kind, visit) => (kind === 'estimation' ? new MeetingRoom(visit) : new PlainRoom(visit));

/** @param {{ session: string, created?: boolean, expect?: string }} props */
export function Session({ session, created, expect }) {
  const [seen, setSeen] = useState(/** @type {any} */ (undefined));
  const [visit, setVisit] = useState(/** @type {Visit | null} */ (null));
  const enter = (/** @type {{ name?: string, role?: string, passcode?: string }} */ who) => {
    if (who.name) keep('name', who.name);
    visit?.close();
    setVisit(new Visit({ session, token: tokenOf(session), ...who }, kinds));
  };
  const again = () => (seatOf(session) ? enter({ name: kept('name') }) : setVisit(null));
  useEffect(() => {
    if (!seatOf(session)) peek(session).then(setSeen);
  }, [session]);
  useEffect(() => {
    if (!visit && seatOf(session)) again(); // also one that came later, by a link or from another tab
  });
  useEffect(() => () => visit?.close(), [visit]);
  useEffect(() => {
    document.title = `${session} · Plenum`;
  }, [session]);
  if (!visit) {
    if (seatOf(session)) return null; // it is entered right now
    return html`${seen?.kind === 'estimation' && html`<${Preview} seen=${seen} />`}<${Join} session=${session} created=${created} meeting=${seen?.kind === 'estimation'} onJoin=${enter} />`;
  }
  return html`<${Entered} key=${visit} visit=${visit} seen=${seen} expect=${expect} onJoin=${enter} onAgain=${again} />`;
}

/** @param {{ visit: Visit, seen: any, expect?: string, onJoin: (who: any) => void, onAgain: () => void }} props */
function Entered({ visit, seen, expect, onJoin, onAgain }) {
  const now = useStore(visit.now);
  // Joining made a session of another kind than was meant: it is left alone.
  const wrong = Boolean(expect && now.kind && now.kind !== expect);
  useEffect(() => {
    if (wrong) visit.leave();
  }, [wrong]);
  const asked = now.over?.code === 'passcode_required' || now.over?.code === 'passcode_wrong';
  const preview = seen?.kind === 'estimation' && html`<${Preview} seen=${seen} />`;
  if (asked) {
    return html`${preview}<${Join} session=${visit.session} meeting=${true} passcode=${now.over?.code} onJoin=${onJoin} />`;
  }
  if (now.over) return html`<${Over} error=${now.over} session=${visit.session} onAgain=${onAgain} />`;
  if (wrong) return html`<${Over} error=${{ code: 'wrong_kind' }} session=${visit.session} onAgain=${onAgain} />`;
  if (!now.kind || !now.content) return preview || html`<main class="center" aria-busy="true"><span class="spinner"></span></main>`;
  return now.kind === 'estimation' ? html`<${Meeting} visit=${visit} now=${now} />` : html`<${Room} visit=${visit} now=${now} />`;
}
