/** Draws a room. */
import { by, clockTime, face, make } from './dom.js';

const MOST = 500; // entries kept on the page
const phases = { connecting: 'Connecting', connected: 'Connected', reconnecting: 'Reconnecting', closed: 'Closed' };

/** Whether the end of the log is in sight; then it stays in sight, whatever comes or changes its size. */
let following = true;

export function toEnd() {
  by('scroll').scrollTop = by('scroll').scrollHeight;
  following = true;
  by('newer').hidden = true;
}

const follow = () => following && toEnd();

by('scroll').addEventListener('scroll', () => {
  const { scrollHeight, scrollTop, clientHeight } = by('scroll');
  following = scrollHeight - scrollTop - clientHeight < 48;
  if (following) by('newer').hidden = true;
});
new ResizeObserver(follow).observe(by('scroll'));

/** Draws what changes: status, members, what waits. */
export function drawRoom(room) {
  const status = by('status');
  status.hidden = false;
  if (status.dataset.phase !== room.phase) {
    status.dataset.phase = room.phase;
    status.textContent = phases[room.phase];
  }
  by('banner').hidden = room.phase !== 'reconnecting';
  by('banner').textContent = room.phase === 'reconnecting' ? 'Reconnecting. What you send is kept.' : '';

  const { list } = room.members;
  by('count').textContent = String(list.filter((m) => m.status === 'online').length);
  by('members').replaceChildren(...[...list].sort((a, b) => order(a, room) - order(b, room)).map((m) => drawMember(m, room)));

  by('pending').replaceChildren(...[...room.pending].map((m) => drawPending(m, room)));
  follow();
}

const order = (m, room) => (m.member === room.me ? 0 : ['online', 'reconnecting', 'offline'].indexOf(m.status) + 1);

function drawMember(m, room) {
  const mine = m.member === room.me;
  const is = mine ? 'you' : { online: 'online', reconnecting: 'reconnecting', offline: 'away' }[m.status];
  const e = make('li', { className: 'member' }, face(m.member, m.name),
    make('span', { className: 'who', title: m.name }, m.name), make('span', { className: mine ? 'is you' : 'is' }, is));
  e.dataset.status = m.status;
  return e;
}

function drawPending(message, room) {
  const name = room.nameOf(room.me) || room.name || 'You';
  const fate = make('span', { className: 'fate' }, message.error ? `Not sent: ${message.error}` : room.phase === 'connected' ? 'Sending' : 'Waits for the connection');
  if (message.error) fate.append(make('button', { type: 'button', onclick: () => room.again(message) }, 'Try again'));
  return make('li', { className: 'say mine waits' }, face(room.me || name, name),
    make('span', { className: 'head' }, make('b', {}, name)), make('span', { className: 'text' }, message.text), fate);
}

/** Appends what happened. */
export function drawEntries(entries) {
  const log = by('log');
  for (const entry of entries) log.append(entry.line ? drawLine(entry) : drawSaid(entry, log.lastElementChild));
  while (log.childElementCount > MOST) log.firstElementChild.remove();
  by('newer').hidden = following;
  follow();
}

function drawLine({ line, code, at = Date.now() }) {
  const e = make('li', { className: 'line' }, line);
  if (code) e.append(make('code', {}, code));
  e.append(clockTime(at));
  return e;
}

function drawSaid({ from, name, text, at, mine }, last) {
  const e = make('li', { className: mine ? 'say mine' : 'say' }, face(from, name),
    make('span', { className: 'head' }, make('b', {}, name), clockTime(at)), make('span', { className: 'text' }, text));
  e.dataset.from = from;
  e.dataset.at = at;
  if (last?.dataset.from === from && at - last.dataset.at < 120_000) e.classList.add('more');
  return e;
}

export function clear() {
  for (const id of ['log', 'pending', 'members']) by(id).replaceChildren();
  by('status').hidden = true;
  by('status').dataset.phase = '';
  toEnd();
}
