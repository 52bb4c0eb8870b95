// @ts-check
/** Cards by keyboard. */

/** Milliseconds in which another digit belongs to the ones before it. */
const TOGETHER = 1000;

/**
 * Takes digits, letters of cards such as S and XL, and the ½ of Ctrl-free
 * keyboards, and says which card is meant: "1" is 1, and "3" right after it 13.
 */
export class Typed {
  #text = '';
  #at = -Infinity;

  /**
   * @param {string} key one character
   * @param {number} now milliseconds
   * @param {{ id: string, label: string }[]} cards
   * @returns {string | undefined} the id of a card
   */
  take(key, now, cards) {
    const before = now - this.#at < TOGETHER ? this.#text : '';
    for (const text of [before + key, key]) {
      const begins = (/** @type {{ id: string, label: string }} */ c) =>
        c.id.toLowerCase().startsWith(text.toLowerCase()) || c.label.toLowerCase().startsWith(text.toLowerCase());
      const exact = cards.find((c) => [c.id, c.label].some((s) => s.toLowerCase() === text.toLowerCase()));
      const card = exact ?? cards.find(begins);
      if (!card) continue;
      this.#text = text;
      this.#at = now;
      return card.id;
    }
    return undefined;
  }
}
