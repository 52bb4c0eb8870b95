// The fleet's figures, every 2 s, and what they were in the last minutes.

import { get } from './api.js';

const EVERY = 2000;
export const KEPT = 150; // moments: five minutes

/** Counters of which a rate is shown, by the name of their series. */
const counters = {
  messages: (f) => f.messages.received,
  deliveries: (f) => f.frames.event_deliveries,
  appends: (f) => f.log.appends,
  errors: (f) => total(f.messages.errors),
  joins: (f) => total(f.sessions.joins) - f.sessions.joins.refused,
  refused: (f) => f.sessions.joins.refused,
  ends: (f) => total(f.connections.closed),
  repairs: (f) => f.log.repairs,
};

export const total = (byLabel) => Object.values(byLabel).reduce((sum, n) => sum + n, 0);

/**
 * Asks and tells: onFleet(fleet, moments) after each answer, onLost(error) when
 * there is none.
 */
export class Feed {
  constructor(onFleet, onLost) {
    this.moments = [];
    this.before = new Map(); // by replica: its report before, and its rates
    this.onFleet = onFleet;
    this.onLost = onLost;
  }

  async run() {
    for (;;) {
      const asked = Date.now();
      try {
        const fleet = await get('/api/stats?scope=fleet');
        this.take(fleet);
        this.onFleet(fleet, this.moments);
      } catch (error) {
        this.onLost(error);
      }
      await new Promise((wake) => setTimeout(wake, Math.max(200, EVERY - (Date.now() - asked))));
    }
  }

  take(fleet) {
    const moment = { at: Date.now(), connections: {}, rates: {}, latency: fleet.recent.figures.latency };
    const seen = new Map();
    for (const report of fleet.replicas) {
      const { id, name } = report.replica;
      moment.connections[name] = (moment.connections[name] ?? 0) + report.figures.connections.open;
      const rates = this.ratesOf(id, report);
      seen.set(id, { report, rates });
      for (const series in rates) moment.rates[series] = (moment.rates[series] ?? 0) + rates[series];
    }
    this.before = seen;
    this.moments.push(moment);
    if (this.moments.length > KEPT) this.moments.shift();
  }

  /** By second, since the report before. The same report again has the same rates. */
  ratesOf(id, report) {
    const before = this.before.get(id);
    if (before?.report.at === report.at) return before.rates;
    const rates = {};
    const seconds = before ? (report.at - before.report.at) / 1000 : 0;
    for (const [series, read] of Object.entries(counters)) {
      rates[series] = seconds > 0 ? Math.max(0, read(report.figures) - read(before.report.figures)) / seconds : 0;
    }
    return rates;
  }
}
