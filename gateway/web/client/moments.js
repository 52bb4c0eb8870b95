// @ts-check

/**
 * Ephemeral messages: of those with the same key one leaves in each frame interval,
 * the latest; it waits while the gateway has asked for a pause.
 */
export class Moments {
  /** Milliseconds. */
  frame = 100;
  #timers;
  #write;
  /** @type {Map<string, string>} */
  #waiting = new Map();

  /**
   * @param {import('./timers.js').Timers} timers
   * @param {(text: string) => void} write
   */
  constructor(timers, write) {
    this.#timers = timers;
    this.#write = write;
  }

  /**
   * @param {string} text
   * @param {string} [key]
   */
  send(text, key) {
    if (!key) return this.#write(text);
    const name = `key ${key}`;
    const planned = this.#timers.has(name);
    if (planned || this.#timers.has('pause')) this.#waiting.set(key, text);
    else this.#write(text);
    if (planned) return;
    this.#timers.plan(name, this.frame, () => {
      const latest = this.#waiting.get(key);
      this.#waiting.delete(key);
      if (latest) this.send(latest, key);
    });
  }
}
