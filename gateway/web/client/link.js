// @ts-check
import { PlenumError } from './protocol.js';

/** @typedef {import('./index.js').Socket} Socket */
/** @typedef {import('./index.js').Position} Position */

/** Milliseconds of silence past a heartbeat, or past a request, that are suspicious. */
const LATE = 10_000;
const UNANSWERED = 5000;
/** Past a heartbeat, when somebody comes back to a page. */
const SOON = 2000;

/** One socket: its messages in order, whole and inflated, and what is known about it. */
export class Link {
  /** @type {Socket | undefined} */
  #socket;
  /** What is being inflated, and what came behind it. @type {Promise<void> | undefined} */
  #tail;
  #dropped = false;

  opened = false;
  /** Requests may be sent. */
  ready = false;
  /** The leave was sent. */
  left = false;
  /** A join of this very client went out elsewhere: "replaced" is no news then. */
  rival = false;
  /** Why another connection is to take its place: drain, silent, doubt. */
  renew = '';
  /** The network had changed when it was begun. */
  moved = false;
  replica = '';
  /** When it was begun. */
  begun = 0;
  /** When it was welcomed. */
  born = 0;
  /** When the last message came. */
  heard = 0;
  /** When the first message after that was sent; 0 if none was. */
  asked = 0;
  /** Milliseconds between two heartbeats, and how many came. */
  beat = 0;
  beats = 0;
  /** What the join asked for. @type {Position | undefined} */
  since;
  /** The error message that came last, if nothing but events came behind it. @type {any} */
  refusal;

  /**
   * @param {() => Socket} make
   * @param {() => number} now
   * @param {{ open: () => void, message: (text: string) => void, close: (code: number, reason: string) => void }} on
   */
  open(make, now, on) {
    const socket = (this.#socket = make());
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.opened = true;
      on.open();
    };
    socket.onmessage = ({ data }) => {
      this.heard = now();
      this.asked = 0;
      this.#inOrder(data, on.message, () => on.close(1006, 'a message that cannot be inflated'));
    };
    socket.onerror = () => {}; // onclose tells it; an error that nobody hears ends a process on node
    socket.onclose = ({ code, reason }) => this.#inOrder('', () => on.close(code, reason));
  }

  /**
   * @param {string | ArrayBuffer} data
   * @param {(text: string) => void} then
   * @param {() => void} [failed]
   */
  #inOrder(data, then, failed) {
    const live = (/** @type {string} */ text) => {
      if (!this.#dropped) then(text);
    };
    if (typeof data === 'string' && !this.#tail) return live(data);
    const text = typeof data === 'string' ? data : inflate(data);
    const tail = Promise.all([text, this.#tail]).then(([text]) => live(text), failed).then(() => {
      if (this.#tail === tail) this.#tail = undefined;
    });
    this.#tail = tail;
  }

  /**
   * @param {{ heartbeat: number, replica: string }} welcome
   * @param {number} now
   */
  welcomed({ heartbeat, replica }, now) {
    this.born = this.heard = now;
    this.beat = heartbeat || 1e9;
    this.replica = replica;
  }

  /** The moment from which somebody who comes back does not trust it. */
  get doubted() {
    return this.heard + this.beat + SOON;
  }

  /** The moment at which a heartbeat is overdue. */
  get due() {
    return this.heard + this.beat + LATE;
  }

  /** The moment at which an answer is overdue. */
  get answerDue() {
    return this.asked ? this.asked + UNANSWERED : Infinity;
  }

  /**
   * What its end means: a refusal that came before it tells, or the reason, if
   * that is a code.
   * @param {number} close
   * @param {string} reason
   */
  error(close, reason) {
    const named = close !== 1006 && /^[a-z_]+$/.test(reason);
    const { code, message, ...more } = this.refusal ?? { code: named ? reason : 'lost', message: reason };
    return new PlenumError(code, message, { ...more, close });
  }

  /** @param {string} text */
  send(text) {
    if (this.#socket?.readyState === 1) this.#socket.send(text);
  }

  /** Lets go of the socket; nothing is heard of it any more. */
  drop() {
    this.#dropped = true;
    const socket = this.#socket;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/**
 * @param {ArrayBuffer} data
 * @returns {Promise<string>}
 */
const inflate = (data) =>
  new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
