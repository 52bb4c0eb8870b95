// The tiles and the charts.

import { make } from './dom.js';
import { Chart } from './chart.js';
import { Bars, Columns } from './columns.js';
import { count, ms, percent, rate } from './format.js';

/** [title, figure, what stands under it, good | warn | bad] of the fleet. */
function tilesOf(fleet, now) {
  const f = fleet.figures;
  const latency = fleet.recent.figures.latency;
  const { join_success: success, message_errors: errors } = fleet.recent.ratios;
  const publish = latency.publish;
  return [
    ['Connections', count(f.connections.open), `of ${count(f.connections.limit)}`, f.connections.open > 0.9 * f.connections.limit ? 'bad' : 'good'],
    ['Sessions', count(f.sessions.active), 'with somebody connected', ''],
    ['Members online', count(f.sessions.members.online), `${count(f.sessions.members.reconnecting)} reconnecting`, ''],
    ['Messages', `${rate(now.rates.messages ?? 0)}/s`, `${rate(now.rates.deliveries ?? 0)} deliveries/s`, ''],
    ['Latency', publish.count ? ms(publish.p50) : '–', publish.count ? `mean ${ms(publish.mean)}, 99 % ${ms(publish.p99)}` : 'nothing said in a minute', !publish.count ? '' : publish.mean > 200 ? 'bad' : 'good'],
    ['Get in', success === null ? '–' : percent(success), 'of those who come to join', success === null ? '' : success < 0.95 ? 'bad' : 'good'],
    ['Errors', errors === null ? '–' : percent(errors), 'of the messages', errors === null ? '' : errors > 0.05 ? 'bad' : 'good'],
    ['Store', f.redis.up ? (latency.redis_ping.count ? ms(latency.redis_ping.p50) : 'up') : 'away',
      f.redis.memory_limit ? `${percent(f.redis.memory_share)} of its memory` : 'embedded', f.redis.up ? (f.redis.memory_share > 0.8 ? 'warn' : 'good') : 'bad'],
  ];
}

export class Overview {
  constructor(tiles, charts) {
    this.tiles = tiles;
    this.connections = new Chart(charts, { title: 'Connections by replica', format: count, stacked: true, least: 5 });
    this.messages = new Chart(charts, { title: 'A second', format: rate, least: 1, about: 'Messages from clients, events handed to members, appends to the log' });
    this.latency = new Chart(charts, { title: 'From a publish to the sockets', format: ms, limit: 200, least: 10, about: 'Of the last minute at each moment. The line is the alarm of the mean: 200 ms' });
    this.coming = new Chart(charts, { title: 'Coming and going, a second', format: rate, least: 1 });
    this.spread = new Columns(charts, 'Latency of the last minute', 'From a publish to the sockets: how many took how long');
    this.reasons = new Bars(charts, 'Why connections ended, last minute', 'By reason', 'None ended');
    this.quality = new Columns(charts, 'Round trips of the last minute', 'From a heartbeat to its answer: the quality of connections');
    this.trouble = new Bars(charts, 'Trouble, last minute', 'Errors by cause, missed heartbeats, slow connections, holes in what came from the log', 'None');
  }

  show(fleet, moments) {
    const now = moments.at(-1);
    const times = moments.map((m) => m.at);
    this.tiles.replaceChildren(...tilesOf(fleet, now).map(([title, figure, sub, look]) => make('dl', { className: `tile ${look}` },
      make('dt', {}, title), make('dd', {}, figure), make('dd', { className: 'sub' }, sub))));
    const names = [...new Set(moments.flatMap((m) => Object.keys(m.connections)))].sort();
    this.connections.show(names.map((name) => ({ name, values: moments.map((m) => m.connections[name] ?? 0) })), times);
    const lines = (...series) => series.map(([name, key]) => ({ name, values: moments.map((m) => m.rates[key] ?? 0) }));
    this.messages.show(lines(['messages', 'messages'], ['deliveries', 'deliveries'], ['appends', 'appends']), times);
    this.coming.show(lines(['joined', 'joins'], ['ended', 'ends'], ['refused', 'refused']), times);
    const publish = (name, key) => ({ name, values: moments.map((m) => (m.latency.publish.count ? m.latency.publish[key] : null)) });
    this.latency.show([publish('mean', 'mean'), publish('half within', 'p50'), publish('99 % within', 'p99')], times);
    this.spread.show(fleet.recent.figures.latency.publish);
    this.quality.show(fleet.recent.figures.latency.round_trip);
    const { connections, messages, log } = fleet.recent.figures;
    const minute = (byLabel) => Object.entries(byLabel).map(([name, n]) => [name, Math.round(n * fleet.recent.seconds)]);
    this.reasons.show(minute(connections.closed));
    this.trouble.show(minute({ ...messages.errors, heartbeats_missed: connections.heartbeats_missed, slow_connections: connections.lagged,
      holes_repaired: log.repairs, log_errors: log.errors, history_lost: log.resets + log.unhealed, handshakes_refused: connections.refused.other }));
  }
}
