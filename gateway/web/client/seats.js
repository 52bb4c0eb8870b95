// @ts-check

/**
 * @param {import('./index.js').Store} [storage]
 * @param {string} [prefix]
 * @returns {import('./index.js').Seats}
 */
export function seatsIn(storage, prefix = 'plenum.seat.') {
  /** @param {(s: import('./index.js').Store) => any} use */
  const use = (use) => {
    try {
      return use(storage ?? localStorage);
    } catch {
      // Storage is full or forbidden: the visit works, and is forgotten.
    }
  };
  return {
    get: (session) => use((s) => s.getItem(prefix + session)) ?? undefined,
    set: (session, seat) => use((s) => s.setItem(prefix + session, seat)),
    remove: (session) => use((s) => s.removeItem(prefix + session)),
  };
}
