// @ts-check
/** @typedef {import('./index.js').Position} Position */
/** @typedef {import('./index.js').Event} Event */

/**
 * @param {Position | undefined} a
 * @param {Position} b
 */
export const same = (a, b) => a?.epoch === b.epoch && a.offset === b.offset;

/**
 * Whether a client is past a snapshot already: while one connection joined, the
 * one before it went on. A snapshot from before the join's own position is
 * something else: the log went back.
 * @param {Position | undefined} at
 * @param {Position | undefined} since what the join asked for
 * @param {Position} snapshot
 */
export const passed = (at, since, snapshot) =>
  at?.epoch === snapshot.epoch && since?.epoch === snapshot.epoch &&
  since.offset <= snapshot.offset && snapshot.offset < at.offset;

/**
 * Splits what came into what is new, up to the first hole, and the offset that
 * it leads to. hole is the event behind the hole, if there is one.
 * @param {number} offset
 * @param {Event[]} events
 */
export function advance(offset, events) {
  /** @type {Event[]} */
  const fresh = [];
  for (const e of events) {
    if (e.offset && e.offset > offset + 1) return { fresh, offset, hole: e };
    if (e.offset && e.offset <= offset) continue;
    fresh.push(e);
    offset = e.offset || offset;
  }
  return { fresh, offset };
}
