// @ts-check

/** Timers by name: to plan one replaces the one of the same name. */
export class Timers {
  #clock;
  /** @type {Map<string, any>} */
  #timers = new Map();

  /** @param {import('./index.js').Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /**
   * Calls f once, after so many milliseconds.
   * @param {string} name
   * @param {number} ms
   * @param {() => void} f
   */
  plan(name, ms, f) {
    this.cancel(name);
    const run = () => {
      this.#timers.delete(name);
      f();
    };
    this.#timers.set(name, this.#clock.setTimeout(run, ms));
  }

  /** @param {string} name */
  has(name) {
    return this.#timers.has(name);
  }

  /** @param {string[]} names all, if there are none */
  cancel(...names) {
    for (const name of names.length ? names : [...this.#timers.keys()]) {
      this.#clock.clearTimeout(this.#timers.get(name));
      this.#timers.delete(name);
    }
  }
}
