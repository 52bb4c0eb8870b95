// The list of sessions, with its search. Its first page is kept up to date.

import { by, make } from './dom.js';
import { get } from './api.js';
import { count } from './format.js';

const EVERY = 5000; // milliseconds from one look to the next

export class Sessions {
  /** @param {{ onChoose: (id: string) => void, onKeyWanted: (error: Error) => void }} on */
  constructor(on) {
    this.on = on;
    this.body = by('sessions').tBodies[0];
    this.asked = 0;
    by('search').addEventListener('submit', (e) => {
      e.preventDefault();
      this.search();
    });
    by('query').addEventListener('search', () => this.search()); // the cross that empties it
    by('more').addEventListener('click', () => this.load(this.next, true));
    setInterval(() => this.path && !this.looking && !document.hidden && this.load(this.path, false), EVERY);
  }

  search() {
    const query = new URLSearchParams({ q: by('query').value.trim(), match: by('match').value });
    by('sessions-note').textContent = 'Looking…';
    return this.load(`/api/ops/sessions?${query}`, false);
  }

  async load(path, more) {
    const asked = ++this.asked;
    const first = this.path;
    this.path = more ? undefined : path; // that is looked at again
    this.looking = true;
    let page;
    try {
      page = await get(path);
    } catch (error) {
      if (asked !== this.asked) return;
      this.looking = false;
      by('sessions-note').textContent = error.message;
      if (more) this.path = first;
      if (!error.wantsKey) return;
      this.path = undefined;
      this.on.onKeyWanted(error);
      return;
    }
    if (asked !== this.asked) return; // a newer search
    this.looking = false;
    this.show(page, more);
  }

  show(page, more) {
    const rows = page.sessions.map((s) => this.row(s));
    const held = document.activeElement?.closest('#sessions tr')?.dataset.session;
    if (more) this.body.append(...rows);
    else this.body.replaceChildren(...rows);
    this.mark(this.chosen);
    if (held) rows.find((row) => row.dataset.session === held)?.querySelector('button').focus({ preventScroll: true });
    this.next = page.next;
    by('more').hidden = !page.next;
    by('sessions').hidden = this.body.rows.length === 0;
    by('sessions-note').textContent = this.body.rows.length ? '' : 'No such session is in use.';
  }

  row(s) {
    const open = make('button', { type: 'button' }, s.id);
    open.addEventListener('click', () => this.on.onChoose(s.id));
    const number = (n) => make('td', { className: 'number' }, count(n));
    const row = make('tr', {}, make('td', { title: s.id }, open), make('td', {}, s.kind), number(s.online), number(s.members),
      number(s.connections), number(s.offset), make('td', {}, s.replicas.join(', ')));
    row.dataset.session = s.id;
    return row;
  }

  /** Marks the session whose detail is shown. */
  mark(id) {
    this.chosen = id;
    for (const row of this.body.rows) row.classList.toggle('chosen', row.dataset.session === id);
  }
}
