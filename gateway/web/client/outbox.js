// @ts-check
import { PlenumError, bytes, encode, encodeRequest } from './protocol.js';

/** How many requests may fly at once; a gateway takes more than that in a burst. */
const WINDOW = 16;

/**
 * @typedef {object} Request
 * @property {'publish' | 'command'} type
 * @property {string} name
 * @property {string} data JSON
 * @property {boolean} retry
 * @property {number} [ref] none until it is sent
 * @property {boolean} [passed] settled for the gateway, but the outcome is not known: its event tells
 * @property {boolean} [done] passed, and it took effect; only its offset is not known
 * @property {number} [by] passed, and its event comes up to this offset or never
 * @property {boolean} [doubtful] its event may have been in what was skipped
 * @property {(offset: number) => void} resolve
 * @property {(error: PlenumError) => void} reject
 */

/**
 * The requests that are not settled, in the order in which the app made them.
 *
 * A request gets its ref when it is first sent, and keeps it: however often it
 * is sent, it takes effect once. Only one that was refused for the moment gets
 * another.
 *
 * A gateway remembers of a client the highest ref that took effect. A lower one
 * took effect too, or it was refused and the refusal got lost with a connection.
 * Such a request is passed: it is not sent again, and its event, which is about
 * to be replayed, tells. Where it does not come, the wait is given up: when the
 * position has passed what a higher ref was acknowledged with, or some time
 * after the welcome.
 */
export class Outbox {
  /** @type {Request[]} */
  requests = [];
  /** The highest ref that was given. */
  last = 0;
  /** The highest ref that was sent over an earlier connection. */
  #before = 0;
  /** Bytes of a message. */
  limit = Infinity;
  #most;

  /** @param {number} most requests that may wait */
  constructor(most) {
    this.#most = most;
  }

  /**
   * @param {'publish' | 'command'} type
   * @param {string} name
   * @param {unknown} data
   * @param {boolean} retry
   * @returns {Promise<number>}
   */
  add(type, name, data, retry) {
    if (this.requests.length >= this.#most) throw new PlenumError('outbox_full');
    const json = encode(data);
    return new Promise((resolve, reject) => this.requests.push({ type, name, data: json, retry, resolve, reject }));
  }

  /** Whether a snapshot is needed to tell what became of a request. */
  get doubtful() {
    return this.requests.some((r) => r.doubtful);
  }

  /** Events were skipped. */
  skipped() {
    this.giveUp();
    for (const r of this.flying()) r.doubtful = true;
  }

  /** Those that were sent and may not have arrived, by rising ref. */
  flying() {
    const sent = this.requests.filter((r) => r.ref && !r.passed);
    return sent.sort((a, b) => /** @type {number} */ (a.ref) - /** @type {number} */ (b.ref));
  }

  /**
   * Sends what may be sent.
   * @param {(text: string) => void} write
   * @param {boolean} again over a new connection, so first what was sent before
   */
  send(write, again) {
    const flying = this.flying();
    if (again) for (const r of flying) this.#write(r, write);
    let room = WINDOW - flying.length;
    for (const r of this.requests.filter((r) => !r.ref)) {
      if (room > 0 && this.#write(r, write)) room--;
    }
  }

  /**
   * @param {Request} r
   * @param {(text: string) => void} write
   */
  #write(r, write) {
    const ref = (r.ref ??= ++this.last);
    const text = encodeRequest(r.type, r.name, r.data, { ref });
    const fits = bytes(text) <= this.limit;
    if (fits) write(text);
    else this.#take(ref)?.reject(new PlenumError('too_big', `more than the ${this.limit} bytes that the gateway takes`));
    return fits;
  }

  /** @param {number | undefined} ref */
  #take(ref) {
    const i = ref ? this.requests.findIndex((r) => r.ref === ref) : -1;
    return i < 0 ? undefined : this.requests.splice(i, 1)[0];
  }

  /**
   * Settles the request whose event has come. Refs take effect in order, so the
   * events of lower ones were before it. True if it was sent over this connection, and waited for it.
   * @param {import('./index.js').Event} event
   * @param {string} client whose outbox this is
   * @param {string} member
   */
  echoed({ ref: echo, from, offset }, client, member) {
    const [of, number] = echo?.split(':') ?? [];
    if (of !== client || (from && from !== member)) return false;
    const ref = Number(number);
    this.giveUp((r) => Number(r.ref) < ref);
    const r = this.#take(ref);
    r?.resolve(offset ?? 0);
    return !!r && ref > this.#before;
  }

  /**
   * The gateway says that the request took effect, at offset. For one that was
   * sent before, that is where the log is now: its event may yet come.
   * @param {number} ref
   * @param {number} offset
   * @param {number} position what has been applied
   */
  acknowledged(ref, offset, position) {
    const known = ref > this.#before;
    for (const r of this.requests) {
      if (r.ref === ref && !known) Object.assign(r, { passed: true, done: true });
      if (r.passed && Number(r.ref) <= ref) r.by ??= offset;
    }
    if (known) this.#take(ref)?.resolve(offset);
    this.reached(position);
  }

  /**
   * All events up to the offset have come.
   * @param {number} offset
   */
  reached(offset) {
    this.giveUp((r) => r.by !== undefined && r.by <= offset);
  }

  /**
   * The request did not take effect. True if it is to be sent again.
   * @param {number} ref
   * @param {PlenumError} error
   */
  refused(ref, error) {
    const r = this.requests.find((r) => r.ref === ref);
    // Not rising: a later one took effect before it, while connections changed. That is no concern of the app's.
    if (ref && r && error.retry && (r.retry || error.code === 'ref_not_rising')) {
      r.ref = undefined;
      r.doubtful = false;
      return true;
    }
    this.#take(ref)?.reject(error);
    return false;
  }

  /**
   * @param {number} acked the highest ref that took effect
   * @param {boolean} replayed whether the events that this client missed follow; else a snapshot has them
   */
  welcomed(acked, replayed) {
    this.#before = this.last = Math.max(this.last, acked);
    for (const r of this.requests) {
      if (r.ref && r.ref <= acked) r.passed = true;
      if (r.ref === acked) r.done = true;
      r.doubtful &&= replayed;
    }
    if (replayed) this.giveUp((r) => r.done && r.type === 'command'); // there may be no event to wait for
    else this.giveUp();
  }

  /**
   * Ends the wait for the events of what is passed.
   * @param {(r: Request) => unknown} [which] all, unless given
   */
  giveUp(which = () => true) {
    for (const r of this.requests.filter((r) => r.passed && which(r))) {
      this.#take(r.ref);
      if (r.done) r.resolve(0);
      else r.reject(new PlenumError('outcome_lost', 'it took effect or was refused; the answer was lost with the connection'));
    }
  }

  /** @param {PlenumError} error */
  end(error) {
    for (const r of this.requests.splice(0)) r.reject(error);
  }
}
