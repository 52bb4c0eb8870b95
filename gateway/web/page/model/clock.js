// @ts-check
/** Times by the gateway's clock. */

/**
 * How much is left until a moment, never more than there was in all.
 * @param {{ at?: number, left?: number, ms: number }} what
 * @param {number} now by the gateway's clock
 */
export const left = ({ at, left, ms }, now) => Math.min(ms, Math.max(0, at === undefined ? left ?? 0 : at - now));

/**
 * 83000 is 1:23; a second that has begun counts.
 * @param {number} ms
 */
export function minutes(ms) {
  const seconds = Math.ceil(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * "2 min", "45 s": how long something took.
 * @param {number} ms
 * @param {string} lang
 */
export function duration(ms, lang) {
  const seconds = Math.round(ms / 1000);
  const [n, unit] = seconds < 90 ? [seconds, 'second'] : seconds < 5400 ? [Math.round(seconds / 60), 'minute'] : [Math.round(seconds / 360) / 10, 'hour'];
  return new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 1 }).format(n);
}
