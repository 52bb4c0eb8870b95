// The operators' page: the fleet live, sessions, and what can be done about them.

import { by } from './dom.js';
import { key, quietly } from './api.js';
import { Detail } from './detail.js';
import { Feed } from './feed.js';
import { Overview } from './overview.js';
import { Replicas } from './replicas.js';
import { Sessions } from './sessions.js';
import { span } from './format.js';

// --- light and dark ---------------------------------------------------------

const dark = matchMedia('(prefers-color-scheme: dark)');

let chosen = quietly(() => localStorage.getItem('plenum.theme')) ?? '';

function theme() {
  document.documentElement.dataset.theme = chosen || (dark.matches ? 'dark' : 'light');
}

dark.addEventListener('change', theme);
by('theme').addEventListener('click', () => {
  chosen = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  quietly(() => localStorage.setItem('plenum.theme', chosen));
  theme();
});
theme();

// --- the key ------------------------------------------------------------------

function askForKey(why) {
  by('key-note').textContent = why;
  if (!by('key').open) by('key').showModal();
}

by('key-open').addEventListener('click', () => askForKey(''));
by('key-cancel').addEventListener('click', () => by('key').close());
by('key-form').addEventListener('submit', () => {
  key.set(by('key-text').value.replace(/[^\x21-\x7e]/g, '')); // what a copied key brings along, and no header takes
  detail.keyless = false;
  by('key-text').value = '';
  banner('');
  sessions.search();
});

// --- what went wrong ------------------------------------------------------------

function banner(text) {
  by('banner').textContent = text;
  by('banner').hidden = !text;
}

function failed(error) {
  if (error.wantsKey) {
    if (error.key !== key.get()) return; // there is another one by now
    const had = key.get() !== '';
    if (error.status === 401) key.clear();
    askForKey(error.status === 401 && had ? 'The gateway does not take this key.' : error.status === 403 ? error.message : '');
    return;
  }
  banner(error.message);
}

// --- the fleet ------------------------------------------------------------------

const overview = new Overview(by('tiles'), by('charts'));
const replicas = new Replicas(by('replicas'), failed);
const detail = new Detail({ onError: failed, onClosed: () => sessions.mark(undefined), onEnded: () => sessions.search() });
const sessions = new Sessions({
  onKeyWanted: failed,
  onChoose: (id) => {
    sessions.mark(id);
    detail.open(id);
  },
});

function pill(text, look) {
  by('fleet').textContent = text;
  by('fleet').className = `pill ${look}`;
}

let answered = 0;
new Feed((fleet, moments) => {
  if (answered === 0 || by('fleet').classList.contains('stale')) banner('');
  answered = Date.now();
  const n = fleet.replicas.length;
  const lost = fleet.lost.length;
  pill(`${n} replica${n === 1 ? '' : 's'}${lost ? `, ${lost} lost` : ''}`, lost ? 'bad' : 'good');
  overview.show(fleet, moments);
  replicas.show(fleet);
}, (error) => {
  pill(answered ? `no answer for ${span(Date.now() - answered)}` : 'no answer', 'bad stale');
  banner(error.message);
}).run();

if (key.get()) sessions.search();
else by('sessions-note').textContent = 'The list of sessions needs an API key.';
