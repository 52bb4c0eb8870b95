// @ts-check
/**
 * How the results of a round are shown. They are the gateway's; nothing is
 * computed again here.
 *
 * @typedef {import('./types.js').Round} Round
 * @typedef {import('./types.js').Deck} Deck
 *
 * @typedef {object} Column
 * @property {string} card
 * @property {string} label
 * @property {number} count
 * @property {{ id: string, first?: string | null }[]} people none in an anonymous round
 * @property {boolean} ranked counted in the results
 * @property {boolean} top has the most votes
 * @property {boolean} low
 * @property {boolean} high
 * @property {boolean} outlier
 */

/** @type {Record<string, string>} */
const labels = { 0.5: '½', coffee: '☕', infinity: '∞' };

/** What is written for a card, or for an estimate, which may be any text. @param {string} card */
export const labelOf = (card) => labels[card] ?? card;

/**
 * Sorts cards as the deck has them; cards of another deck come by their numbers.
 * @param {Deck} deck
 */
export function placeIn(deck) {
  const places = new Map(deck.cards.map((c, i) => [c.id, i]));
  return (/** @type {string} */ card) => places.get(card) ?? 1000 + (Number.parseFloat(card) || 0);
}

/**
 * The cards between the lowest and the highest that were played, so that the
 * spread is seen, and behind them those that are not counted.
 * @param {Deck} deck
 * @param {Round} round revealed
 * @returns {Column[]}
 */
export function columns(deck, round) {
  const results = /** @type {import('./types.js').Results} */ (round.results);
  const place = placeIn(deck);
  const played = Object.keys(results.counts).sort((a, b) => place(a) - place(b));
  const ranked = deck.cards.filter((c) => c.rank !== undefined).map((c) => c.id);
  const ends = [results.lowest?.card, results.highest?.card].map((c) => (c === undefined ? -1 : ranked.indexOf(c)));
  const between = ends[0] < 0 || ends[1] < 0 ? [] : ranked.slice(ends[0], ends[1] + 1);
  const cards = [...between, ...played.filter((c) => !between.includes(c))];
  const apart = results.lowest?.card !== results.highest?.card;
  return cards.map((card) => ({
    card,
    label: labelOf(card),
    count: results.counts[card] ?? 0,
    people: Object.entries(round.votes ?? {}).filter(([, c]) => c === card).map(([id]) => ({ id, first: round.changed?.[id] })),
    ranked: between.includes(card) || ends[0] < 0 && ranked.includes(card),
    top: results.modes.includes(card),
    low: apart && results.lowest?.card === card,
    high: apart && results.highest?.card === card,
    outlier: results.outliers.some((o) => o.card === card),
  }));
}

/** Everybody agrees, and it is more than one person. @param {Round | null} round */
export const isUnanimous = (round) => round?.results?.level === 'unanimous' && round.results.counted > 1;

/**
 * A number as the language writes it.
 * @param {number} n
 * @param {string} lang
 */
export const number = (n, lang) => new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(n);

/**
 * The sum of the estimates that are numbers, and how many stories have one.
 * @param {import('./types.js').Story[]} stories
 */
export function total(stories) {
  const values = stories.flatMap((s) => (s.estimate ? [numeric(s.estimate.value)] : []));
  const numbers = values.filter((n) => n !== undefined);
  return { estimated: values.length, sum: numbers.length ? numbers.reduce((a, b) => a + b, 0) : undefined };
}

/** @param {string} value @returns {number | undefined} */
function numeric(value) {
  const text = value.replace('½', '.5').replace('1/2', '.5');
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined;
}
