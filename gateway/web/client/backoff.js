// @ts-check
import { parseWait } from './protocol.js';

const FIRST = 100;
const MIN = 200;
/** A connection that lived so long is one that worked. */
const PROVEN = 5000;
/** Where the gateway's store is away. */
const AWAY = 5000;

/**
 * How long to wait before the next attempt. It is drawn evenly from the whole
 * wait (full jitter), so that those who lost a replica together do not come
 * back together.
 */
export class Backoff {
  /** In a row; 0 after a connection that worked. */
  failures = 0;
  /** The moment before which the gateway wants no attempt. */
  notBefore = 0;
  #most;
  #random;

  /**
   * @param {number} most milliseconds
   * @param {() => number} random
   */
  constructor(most, random) {
    this.#most = most;
    this.#random = random;
  }

  /** @param {number} ms for how long a connection has lived */
  lived(ms) {
    if (ms >= PROVEN) this.failures = 0;
  }

  /**
   * Counts a failure and returns the milliseconds to wait.
   * @param {import('./index.js').PlenumError} why
   * @param {number} now
   */
  next(why, now) {
    let spread = Math.min(this.#most, this.failures ? MIN * 2 ** (this.failures - 1) : FIRST);
    let least = why.after;
    if (why.close === 4006) least = Math.max(least, parseWait(why.message));
    if (why.close === 4007) least = Math.max(least, (spread = AWAY));
    this.failures++;
    const wait = least + this.#random() * spread;
    this.notBefore = least && now + wait;
    return wait;
  }
}
