// @ts-check
/** What the browser keeps. Where storage is refused, nothing is kept, and all works. */

/**
 * @template T
 * @param {() => T} use
 * @returns {T | undefined}
 */
const quietly = (use) => {
  try {
    return use();
  } catch {
    return undefined; // full, or forbidden
  }
};

/** @param {string} key @returns {string | undefined} */
export const kept = (key) => quietly(() => localStorage.getItem(`plenum.${key}`)) ?? undefined;

/** @param {string} key @param {string} value empty: forget it */
export const keep = (key, value) =>
  quietly(() => (value ? localStorage.setItem(`plenum.${key}`, value) : localStorage.removeItem(`plenum.${key}`)));

const RECENT = 5;

/** @typedef {{ session: string, title: string, at: number }} Recent */

/** Meetings that were visited, the last one first. @returns {Recent[]} */
export function recent() {
  const list = quietly(() => JSON.parse(kept('recent') ?? '[]'));
  return Array.isArray(list) ? list.filter((r) => typeof r?.session === 'string') : [];
}

/** @param {string} session @param {string} title @param {number} at */
export const visited = (session, title, at) =>
  keep('recent', JSON.stringify([{ session, title, at }, ...recent().filter((r) => r.session !== session)].slice(0, RECENT)));

/** @param {string} session */
export const forget = (session) => keep('recent', JSON.stringify(recent().filter((r) => r.session !== session)));
