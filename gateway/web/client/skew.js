// @ts-check

/** Heartbeats that are remembered: after more of them, a clock that was set anew is followed. */
const KEPT = 5;

/**
 * By how many milliseconds the gateway's clock is ahead. What the gateway says
 * took its time to come, so every sample is too low: the highest is the best.
 */
export class Skew {
  /** @type {number[]} */
  #samples = [];

  /** @returns {number | undefined} */
  get best() {
    return this.#samples.length ? Math.max(...this.#samples) : undefined;
  }

  /** @param {number} sample */
  heartbeat(sample) {
    this.#samples = [sample, ...this.#samples].slice(0, KEPT);
  }

  /** @param {number} sample of a request's echo: better than nothing, and better than a slow heartbeat */
  echo(sample) {
    this.#samples[0] = Math.max(sample, this.#samples[0] ?? sample);
  }
}
