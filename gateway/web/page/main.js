/** The page: a start, a name, a session. The session stands in the address. */
import { by } from './dom.js';
import { Room } from './room.js';
import { clear, drawEntries, drawRoom, toEnd } from './view.js';

const NAME = 'plenum.name';
const titles = {
  session_full: 'The session is full', session_ended: 'The session has ended', no_such_session: 'There is no such session',
  removed: 'You were removed', replaced: 'This page was opened elsewhere',
};

/** @type {Room | undefined} */
let room;

const remembered = () => {
  try {
    return localStorage.getItem(NAME) ?? '';
  } catch {
    return '';
  }
};

const remember = (name) => {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // Storage is forbidden: it is asked for again next time.
  }
};

const session = () => new URLSearchParams(location.search).get('session');

function show(id) {
  for (const main of document.querySelectorAll('main')) main.hidden = main.id !== id;
}

/** Shows what the address says. */
function route() {
  room?.close();
  room = undefined;
  clear();
  const id = session();
  const valid = /^[A-Za-z0-9_-]{1,64}$/.test(id ?? '');
  document.title = valid ? `${id} · Plenum` : 'Plenum';
  by('home-note').hidden = id === null || valid;
  by('home-note').textContent = 'That link does not name a session.';
  if (!valid) return show('home');
  if (Room.hasSeat(id)) return enter(remembered());
  show('join');
  by('join-session').textContent = `Session ${id}`;
  by('name').value = remembered();
  by('name').select();
}

function enter(name) {
  clear();
  show('room');
  by('link').value = location.href;
  room = new Room(session(), name, { changed: draw, happened: drawEntries, over });
  draw();
  by('text').focus();
}

const draw = () => room && drawRoom(room);

function over(error) {
  by('over-title').textContent = titles[error.code] ?? 'The session cannot be joined';
  by('over-text').textContent = error.message;
  by('status').hidden = true;
  show('over');
}

by('create').onclick = () => {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'; // none that look alike
  const id = Array.from(crypto.getRandomValues(new Uint8Array(10)), (b) => letters[b % letters.length]).join('');
  history.pushState(null, '', `?session=${id}`);
  route();
};

by('join-form').onsubmit = (e) => {
  e.preventDefault();
  const name = by('name').value.trim();
  if (!name) return by('name').focus();
  remember(name);
  enter(name);
};

by('compose').onsubmit = (e) => {
  e.preventDefault();
  const text = by('text').value.trim();
  if (!text) return;
  by('text').value = '';
  room?.send(text);
  toEnd();
};

by('copy').onclick = async () => {
  try {
    await navigator.clipboard.writeText(by('link').value);
  } catch {
    by('link').select(); // without https there is no clipboard but this
    document.execCommand('copy');
  }
  by('copy').textContent = 'Copied';
  setTimeout(() => (by('copy').textContent = 'Copy'), 2000);
};

by('again').onclick = () => {
  clear();
  show('join');
  by('name').value = remembered();
};

by('newer').onclick = toEnd;
addEventListener('popstate', route);
route();
