// One session: who is in it over which connections, and what happens in it, live.

import { by, confirmed, make } from './dom.js';
import { get, lines, send } from './api.js';
import { clock, count, span } from './format.js';

const TAPE = 500; // lines that are kept

export class Detail {
  /** @param {{ onError: (error: Error) => void, onClosed: () => void, onEnded: () => void }} on */
  constructor(on) {
    this.on = on;
    by('detail-close').addEventListener('click', () => this.close());
    by('tap').addEventListener('click', () => (this.tapping ? this.untap() : this.tap()));
    by('end').addEventListener('click', () => this.end());
    this.asked = this.shown = 0;
    setInterval(() => this.id && !this.keyless && !document.hidden && this.refresh(), 5000);
  }

  async open(id) {
    this.untap();
    by('tape').hidden = true;
    by('tape').replaceChildren();
    this.id = id;
    this.keyless = false;
    by('detail-title').textContent = id;
    by('detail-about').textContent = 'Looking…';
    by('members').replaceChildren(); // of another session
    by('detail').hidden = false;
    await this.refresh();
    by('detail').scrollIntoView({ block: 'nearest' });
  }

  close() {
    this.untap();
    this.id = undefined;
    by('detail').hidden = true;
    this.on.onClosed();
  }

  get path() { return `/api/ops/sessions/${encodeURIComponent(this.id)}`; }

  async refresh() {
    const id = this.id;
    const asked = ++this.asked;
    let d;
    try {
      d = await get(this.path);
    } catch (error) {
      if (id !== this.id) return;
      if (error.status === 404) this.close();
      this.keyless = Boolean(error.wantsKey);
      this.on.onError(error);
      return;
    }
    if (id !== this.id || asked < this.shown) return; // a newer look was quicker
    this.shown = asked;
    by('detail-title').textContent = d.id;
    by('detail-about').textContent = `${d.kind}, ${d.members.length} members, ${count(d.offset)} events, made ${span(Date.now() - d.created)} ago`;
    by('members').replaceChildren(...d.members.map((m) => this.member(m)));
  }

  member(m) {
    const remove = make('button', { type: 'button', className: 'danger' }, 'Remove');
    remove.addEventListener('click', () => this.remove(m));
    return make('li', {},
      make('div', { className: 'head' }, make('span', { className: 'name', title: m.member }, m.name),
        make('span', { className: `status ${m.status}` }, m.status), make('span', { className: 'quiet' }, m.role ?? ''), make('span', { className: 'spring' }), remove),
      ...m.connections.map((c) => make('p', { className: 'connection', title: `client ${c.client}` }, `on ${c.replica} for ${span(Date.now() - c.since)}`)));
  }

  async remove(m) {
    const { path } = this; // a question takes its time
    if (!await confirmed(`Remove ${m.name}?`, 'The seat is taken away and its connections are closed. The others see that the member was removed.', 'Remove')) return;
    await this.attempt(() => send('DELETE', `${path}/members/${encodeURIComponent(m.member)}`));
    if (this.id) await this.refresh();
  }

  async end() {
    const { id } = this;
    if (!await confirmed(`End ${id}?`, 'Everybody in it is told and closed, on all replicas, and what happened in it is removed. There is no way back.', 'End the session')) return;
    if (await this.attempt(() => send('DELETE', `/api/sessions/${encodeURIComponent(id)}`))) {
      if (id === this.id) this.close();
      this.on.onEnded();
    }
  }

  async attempt(what) {
    try {
      await what();
      return true;
    } catch (error) {
      this.on.onError(error);
      return false;
    }
  }

  async tap() {
    this.tapping = new AbortController();
    const { signal } = this.tapping;
    by('tap').textContent = 'Stop watching';
    by('tape').hidden = false;
    try {
      await lines(`${this.path}/tap`, signal, (line) => this.write(line));
      this.word('It is over.');
    } catch (error) {
      if (signal.aborted) return;
      this.word(error.message);
      this.on.onError(error);
    }
    this.untap();
  }

  untap() {
    this.tapping?.abort();
    this.tapping = undefined;
    by('tap').textContent = 'Watch live';
  }

  write(line) {
    switch (line.type) {
      case 'start':
        this.word(line.reason ? 'The log has lost its past; it goes on here.' : `Watching from event ${line.session.offset} on.`);
        break;
      case 'frame':
        for (const e of line.events) {
          this.put(make('li', {}, make('span', { className: 'quiet' }, clock(e.at)), make('span', { className: 'number' }, e.offset ? String(e.offset) : '–'),
            make('span', { className: 'event', title: e.from ?? '' }, e.event), make('span', { className: 'data' }, JSON.stringify(e.data))));
        }
        break;
      case 'missed':
        this.word('Some were left out: this page took them too slowly.');
        break;
      case 'end':
        this.word(line.reason === 'session_ended' ? 'The session was ended.' : 'The replica that showed it stops.');
    }
  }

  word(text) { this.put(make('li', {}, make('span', { className: 'word' }, text))); }

  put(line) {
    by('tape').prepend(line);
    while (by('tape').childElementCount > TAPE) by('tape').lastElementChild.remove();
  }
}
