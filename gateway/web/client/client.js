// @ts-check
import { Backoff } from './backoff.js';
import { Link } from './link.js';
import { Members } from './members.js';
import { Moments } from './moments.js';
import { complete } from './options.js';
import { Outbox } from './outbox.js';
import { advance, passed, same } from './position.js';
import * as wire from './protocol.js';
import { Skew } from './skew.js';
import { tell } from './tell.js';
import { Timers } from './timers.js';
import { watchPage } from './wake.js';

/** @typedef {import('./index.js').Client} Running */
/** @typedef {import('./index.js').Position} Position */

/** Milliseconds without a connection, while the next one is being made, that are not worth telling. */
const BLINK = 1000;

/** Milliseconds from a welcome, after which a command whose event was not replayed is not waited for. */
const REPLAY = 3000;

/**
 * One link is in use, from its welcome on. Another one, next, is being made:
 * because there is none in use, or to take its place without a gap.
 * @implements {Running}
 */
export class Client {
  id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
  /** @type {import('./index.js').Phase} */
  phase = 'connecting';
  member = '';
  seat = '';
  /** @type {Position | undefined} */
  position;
  members = new Members();

  #o;
  #timers;
  #moments;
  #outbox;
  /** @type {Link | undefined} */ #link;
  /** @type {Link | undefined} */ #next;
  #backoff;
  #skew = new Skew();
  /** The next join asks for a snapshot, because a replay cannot be trusted. */
  #anew = false;
  /** A socket that may have sent a join was let go of without knowing what became of it. */
  #stray = false;
  /** @type {Promise<void> | undefined} */
  #leaving;
  /** @type {((error?: wire.PlenumError) => void) | undefined} */
  #settleLeave;
  #unwatch;

  /** @param {import('./index.js').Options} options */
  constructor(options) {
    this.#o = complete(options);
    this.#timers = new Timers(this.#o.clock);
    this.#backoff = new Backoff(this.#o.backoff, this.#o.random);
    this.#outbox = new Outbox(this.#o.outbox);
    this.#moments = new Moments(this.#timers, (text) => this.#link?.ready && this.#link.send(text));
    this.seat = options.seat || options.seats?.get(options.session) || '';
    this.position = options.since;
    this.#unwatch = watchPage(this.#o.page, (network) => this.wake(network), () => this.#sleep());
    this.#attempt();
  }

  get pending() {
    return this.#outbox.requests.length;
  }

  get skew() {
    return this.#skew.best;
  }

  /** @type {Running['publish']} */
  publish(event, data, request) {
    return this.#request('publish', event, data, request);
  }

  /** @type {Running['command']} */
  command(command, data, request) {
    return this.#request('command', command, data, request);
  }

  /**
   * @param {'publish' | 'command'} type
   * @param {string} name
   * @param {unknown} data
   * @param {import('./index.js').RequestOptions} [request]
   */
  async #request(type, name, data, { retry = this.#o.retry } = {}) {
    if (this.phase === 'closed' || this.#leaving) throw wire.ended();
    const outcome = this.#outbox.add(type, name, data, retry);
    this.#flush();
    return outcome;
  }

  /** @type {Running['ephemeral']} */
  ephemeral(event, data, key) {
    const text = wire.encodeRequest('publish', event, wire.encode(data), { key, ephemeral: true });
    if (!this.#link?.ready || (!key && this.#timers.has('pause')) || wire.bytes(text) > this.#outbox.limit) return false;
    this.#moments.send(text, key);
    return true;
  }

  leave() {
    this.#leaving ??= new Promise((resolve, reject) => {
      this.#settleLeave = (error) => (error ? reject(error) : resolve());
      if (this.phase === 'closed') reject(wire.ended());
    });
    this.#flush();
    return this.#leaving;
  }

  close() {
    this.#end();
  }

  wake(network = false) {
    if (this.phase === 'closed') return;
    const now = this.#o.clock.now();
    const next = this.#next;
    this.#backoff.failures = 0;
    if (next && ((network && !next.opened) || now - next.begun > this.#o.timeout)) {
      this.#lost(next, 1006, 'it hangs'); // in the network of before, or since before the sleep
    }
    if (this.#next) return;
    const link = this.#link;
    const wait = this.#backoff.notBefore - now;
    if (!link && wait > 0) return this.#timers.plan('retry', wait, () => this.#attempt());
    if (link && (network || now > link.doubted)) link.renew ||= 'silent';
    else if (link) return;
    this.#attempt(network);
  }

  /** Lets go of everything until the next wake. */
  #sleep() {
    this.#stray ||= this.#next?.opened ?? false;
    for (const link of [this.#link, this.#next]) link?.drop();
    this.#link = this.#next = undefined;
    this.#timers.cancel('attempt', 'retry', 'watch', 'blink', 'replay');
    this.#status({ phase: 'reconnecting' });
  }

  /** moved: the network is another one, or none. */
  async #attempt(moved = false) {
    if (this.phase === 'closed') return; // in a callback
    const link = (this.#next = new Link());
    link.moved = moved;
    link.begun = this.#o.clock.now();
    const { token, socket, timeout, url } = this.#o;
    const failed = (/** @type {string} */ why) => this.#lost(link, 1006, why);
    this.#timers.cancel('retry');
    this.#timers.plan('attempt', timeout, () => failed('no welcome in time'));
    try {
      const pass = await (typeof token === 'function' ? token() : token);
      if (this.#next !== link) return;
      link.open(() => socket(url, [wire.PROTOCOL]), this.#o.clock.now, {
        open: () => this.#join(link, pass),
        message: (text) => this.#message(link, text),
        close: (code, reason) => this.#lost(link, code, reason, true),
      });
    } catch (e) {
      failed(String(e));
    }
  }

  /** @type {(link: Link, token?: string) => void} */
  #join(link, token) {
    const { name, passcode, role } = this.#o;
    if (this.#link) this.#link.rival = true;
    link.rival = this.#stray;
    link.since = this.position;
    const since = this.#anew || this.#outbox.doubtful ? undefined : link.since; // what was skipped is not in a replay
    link.send(wire.encodeJoin({ client: this.id, name, seat: this.seat || undefined, since, token, passcode, role }));
  }

  /**
   * closed: it has closed, and this side has not just given it up.
   * @type {(link: Link, code: number, reason: string, closed?: boolean) => void}
   */
  #lost(link, code, reason, closed = false) {
    const now = this.#o.clock.now();
    const error = link.error(code, reason);
    if (link === this.#next) {
      this.#stray ||= link.opened && (!closed || code === 1006); // it may be under way, behind what broke
      this.#next = undefined;
      this.#timers.cancel('attempt', 'blink');
    } else if (link === this.#link) {
      this.#link = undefined;
      this.#timers.cancel('watch', 'replay');
      this.#backoff.lived(now - link.born);
    } else {
      return;
    }
    link.drop();
    const used = this.#link;
    if (used && link.moved && code === 1006) used.renew ||= 'silent'; // what it said meanwhile may be from before
    const silent = used?.renew === 'silent';
    const final = !wire.reconnects(code) && !(code === 4506 && link.rival);
    if (final && (!used || silent)) this.#end(error); // one that is in use and speaks will tell if there is no hope
    else if (!used && this.#next) this.#timers.plan('blink', BLINK, () => this.#status({ phase: 'reconnecting', wait: 0, error }));
    else if (!used) this.#retry(error, true);
    else if (!used.renew) this.#watch();
    else if (silent && now > used.due) this.#lost(used, 1006, 'silence');
    else this.#retry(error, silent);
  }

  /** lost: there is no connection now. @type {(error: wire.PlenumError, lost: boolean) => void} */
  #retry(error, lost) {
    const wait = this.#backoff.next(error, this.#o.clock.now());
    this.#timers.plan('retry', wait, () => this.#attempt());
    if (lost) this.#status({ phase: 'reconnecting', wait, error });
  }

  /** A link that is silent for too long is to be replaced; if it speaks after all, nothing was lost. */
  #watch() {
    const link = this.#link;
    if (!link) return;
    const left = Math.min(link.due, link.answerDue) - this.#o.clock.now();
    if (left > 0) return this.#timers.plan('watch', left, () => this.#watch());
    link.renew ||= 'silent';
    if (!this.#next) this.#attempt();
  }

  /** @param {wire.PlenumError} [error] */
  #end(error) {
    if (this.phase === 'closed') return;
    const gone = error?.close === 1000 || error?.close === 4505 || error?.code === 'seat_unknown';
    if (gone && this.#o.seats?.get(this.#o.session) === this.seat) this.#o.seats.remove(this.#o.session);
    const left = this.#leaving && gone;
    this.#timers.cancel();
    this.#link?.drop();
    this.#next?.drop();
    this.#link = this.#next = undefined;
    this.#unwatch();
    this.phase = 'closed';
    const closed = wire.ended(error);
    this.#outbox.end(closed);
    this.#settleLeave?.(left ? undefined : closed);
    this.#status({ phase: 'closed', error: left ? undefined : error });
  }

  /** @type {(link: Link, text: string) => void} */
  #message(link, text) {
    let m;
    try {
      m = wire.decode(text);
    } catch (e) {
      return this.#breach(link, String(e));
    }
    if (m.type !== 'frame') link.refusal = m.type === 'error' && !m.ref && m.code !== wire.EXPIRING ? m : undefined;
    if (link === this.#next) {
      if (m.type === 'welcome') this.#welcomed(link, m);
      return;
    }
    if (link.renew === 'silent') link.renew = '';
    if (this.phase === 'reconnecting') this.#status({ phase: 'connected', replica: link.replica });
    switch (m.type) {
      case 'frame': return this.#events(link, m.events);
      case 'private': return tell(this.#o, 'onPrivate', m);
      case 'state': return this.#state(link, m);
      case 'ack': this.#outbox.acknowledged(m.ref, m.offset, this.position?.offset ?? 0); break;
      case 'error': this.#refused(m); break;
      case 'heartbeat':
        link.send(wire.encodeHeartbeat(m.at, this.position?.offset));
        this.#skew.heartbeat(m.at - link.heard);
        if (++link.beats > 1) this.#outbox.giveUp(); // replays are long over
        break;
      case 'drain':
        link.renew = 'drain';
        if (!this.#next) this.#timers.plan('retry', m.after, () => this.#attempt());
    }
    this.#flush();
  }

  /** @type {(link: Link, w: import('./index.js').Welcome) => void} */
  #welcomed(link, w) {
    const at = w.session;
    if (w.resumed && !same(link.since, at)) {
      this.#anew = true;
      return this.#breach(link, 'resumed elsewhere');
    }
    this.#timers.cancel('attempt', 'pause', 'blink');
    this.#link?.drop();
    this.#next = undefined;
    this.#anew = false;
    this.#link = link;
    link.welcomed(w, this.#o.clock.now());
    this.member = w.you.member;
    this.seat = w.you.seat || this.seat;
    this.#o.seats?.set(this.#o.session, this.seat);
    this.#moments.frame = w.frame;
    this.#outbox.limit = w.limits?.message ?? Infinity;
    const replace = !w.resumed && !passed(this.position, link.since, at);
    if (replace) this.#replace(w);
    this.#status({ phase: 'connected', replica: w.replica });
    tell(this.#o, 'onWelcome', w);
    if (replace) tell(this.#o, 'onState', { session: w.session, members: w.members ?? [], state: w.state ?? null, reason: 'snapshot' });
    this.#outbox.welcomed(w.acked, w.resumed);
    this.#timers.plan('replay', REPLAY, () => this.#outbox.giveUp((r) => r.type === 'command'));
    link.ready = true;
    this.#flush(true);
    this.#watch();
  }

  /** @param {{ session: Position, members?: import('./index.js').Member[] }} snapshot */
  #replace({ session: { epoch, offset }, members }) {
    this.position = { epoch, offset };
    this.members.replace(members ?? []);
  }

  /**
   * What was sent before may have had its answer in what was skipped, or be gone
   * with the log; a snapshot says which, so one is got if answers stay away.
   * @param {Link} link
   * @param {any} m
   */
  #state(link, m) {
    this.#replace(m);
    tell(this.#o, 'onState', m);
    if (this.#link !== link) return;
    this.#outbox.skipped();
    if (!this.#outbox.doubtful || this.#next || link.renew) return;
    this.#timers.plan('retry', 1000 + this.#o.random() * 1000, () => {
      if (!this.#outbox.doubtful) return;
      link.renew = 'doubt';
      this.#attempt();
    });
  }

  /** @type {(link: Link, events: import('./index.js').Event[]) => void} */
  #events(link, events) {
    const at = /** @type {Position} */ (this.position);
    const { fresh, offset, hole } = advance(at.offset, events);
    this.position = { epoch: at.epoch, offset };
    for (const e of fresh) this.members.apply(e);
    if (fresh.length) tell(this.#o, 'onEvents', fresh);
    if (this.#link !== link) return;
    for (const e of fresh) {
      if (this.#outbox.echoed(e, this.id, this.member)) this.#skew.echo(e.at - link.heard);
    }
    this.#outbox.reached(offset);
    if (hole) this.#breach(link, `event ${hole.offset} follows event ${offset}`);
    else this.#flush();
  }

  /** @param {any} m */
  #refused(m) {
    const error = new wire.PlenumError(m.code, m.message, m);
    const { token } = this.#o;
    if (m.code === wire.EXPIRING && typeof token === 'function') this.#refresh(token);
    else if (!m.ref) tell(this.#o, 'onError', error);
    if (this.#outbox.refused(m.ref, error) || (m.code === 'slow_down' && !m.ref)) {
      this.#timers.plan('pause', Math.max(error.after, 100), () => this.#flush());
    }
  }

  /** Another token, in place. If that fails, the connection ends with the old one. @param {() => string | Promise<string>} get */
  async #refresh(get) {
    try {
      await this.command('refresh_token', { token: await get() });
    } catch (e) {
      if (this.phase !== 'closed') tell(this.#o, 'onError', e instanceof wire.PlenumError ? e : new wire.PlenumError('token', String(e)));
    }
  }

  /** @type {(link: Link, what: string) => void} */
  #breach(link, what) {
    tell(this.#o, 'onError', new wire.PlenumError('breach', what));
    this.#lost(link, 1006, what);
  }

  /** Sends what waits. @param {boolean} [again] over a new link */
  #flush(again = false) {
    const link = this.#link;
    if (!link?.ready) return;
    const { asked } = link;
    const write = (/** @type {string} */ text) => {
      link.asked ||= this.#o.clock.now();
      link.send(text);
    };
    if (!this.#timers.has('pause')) this.#outbox.send(write, again);
    if (this.#leaving && !this.pending && !link.left) {
      link.left = true;
      write(wire.LEAVE);
    }
    if (link.asked && !asked) this.#watch();
  }

  /** @param {import('./index.js').Status} status */
  #status(status) {
    this.phase = status.phase;
    tell(this.#o, 'onStatus', status);
  }
}
