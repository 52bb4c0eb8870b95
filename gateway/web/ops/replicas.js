// A card for each replica, with its drain button.

import { confirmed, make } from './dom.js';
import { meter } from './columns.js';
import { send } from './api.js';
import { bytes, count, span } from './format.js';

/** Milliseconds in which a replica does what it was told, unless another operator told it otherwise. */
const TOLD = 30_000;

const row = (label, share, text) => make('p', { className: 'row' }, make('span', {}, label),
  meter(share, share > 0.9 ? 'bad' : share > 0.75 ? 'warn' : 'good'), make('span', { className: 'number' }, text));

export class Replicas {
  /** @param {HTMLElement} parent @param {(error: Error) => void} onError */
  constructor(parent, onError) {
    this.parent = parent;
    this.onError = onError;
    this.ordered = new Map(); // by id: what was ordered, and when, until the replica shows it
  }

  show(fleet) {
    this.fleet = fleet;
    const cards = fleet.replicas.map((r) => this.card(r));
    cards.push(...fleet.lost.map((l) => make('article', { className: 'replica lost' },
      make('header', {}, make('h3', {}, l.name), make('span', { className: 'state' }, `lost ${span(l.ago)} ago`)),
      make('p', { className: 'note' }, 'Its lease ran out: it crashed, or cannot reach Redis. Its members have gone to the others.'))));
    const focused = document.activeElement?.dataset?.replica;
    this.parent.replaceChildren(...cards);
    if (focused) this.parent.querySelector(`[data-replica="${CSS.escape(focused)}"]`)?.focus();
  }

  card({ replica, figures: f, recent }) {
    const cores = recent.figures.process.cpu;
    const state = replica.draining ? (f.connections.open > 0 ? 'draining' : 'drained') : 'serving';
    return make('article', { className: `replica ${replica.draining ? 'draining' : ''}` },
      make('header', {}, make('h3', {}, replica.name), make('span', { className: 'state' }, state), make('span', { className: 'spring' }), this.button(replica)),
      row('Connections', f.connections.open / (f.connections.limit || 1), count(f.connections.open)),
      row('Processor', cores / (f.process.cores || 1), `${cores.toFixed(2)} of ${f.process.cores}`),
      row('Memory', f.process.memory / (f.process.memory_limit || Infinity), bytes(f.process.memory)),
      row('Descriptors', f.process.descriptors / (f.process.descriptors_limit || Infinity), count(f.process.descriptors)),
      make('footer', {}, make('span', {}, `up ${span(Date.now() - replica.started)}`), make('span', {}, replica.version),
        make('span', {}, `round trip ${recent.figures.latency.round_trip.count ? percentile(recent.figures.latency.round_trip) : '–'}`)));
  }

  button(replica) {
    const wanted = this.ordered.get(replica.id);
    if (wanted?.drain === replica.draining || Date.now() - wanted?.at > TOLD) this.ordered.delete(replica.id);
    const waiting = this.ordered.has(replica.id);
    const button = make('button', { type: 'button', disabled: waiting }, waiting ? 'Told…' : replica.draining ? 'Serve again' : 'Drain');
    button.dataset.replica = replica.id;
    button.addEventListener('click', () => this.order(replica));
    return button;
  }

  async order(replica) {
    const drain = !replica.draining;
    const last = drain && this.fleet.replicas.every((r) => r.replica.id === replica.id || r.replica.draining);
    if (drain) {
      const text = last ? 'No other replica takes members in: they will be cut off until one does.'
        : 'It takes nobody in any more and asks its members to go to the other replicas, which they do without missing anything. It goes on running.';
      if (!await confirmed(`Drain ${replica.name}?`, text, last ? 'Drain it all the same' : 'Drain')) return;
    }
    try {
      await send(drain ? 'POST' : 'DELETE', `/api/ops/replicas/${encodeURIComponent(replica.id)}/drain${last ? '?force=true' : ''}`);
      this.ordered.set(replica.id, { drain, at: Date.now() });
      this.show(this.fleet);
    } catch (error) {
      this.onError(error);
    }
  }
}

const percentile = (d) => `${Math.round(d.p50)} ms, 99 % ${Math.round(d.p99)} ms`;
