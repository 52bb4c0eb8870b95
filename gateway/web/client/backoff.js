// @ts-check
import { parseWait } from './protocol.js';

const FIRST = 100;
const MIN = 200;
export const MAX = 5000;

/**
 * How long to wait before the next attempt: at least `least`, and up to `spread`
 * more, drawn evenly (full jitter), so that those who lost a replica together
 * do not come back together.
 * @param {number} failures in a row; 0 after a connection that worked
 * @param {import('./index.js').PlenumError} why
 */
export function backoff(failures, why) {
  const spread = failures ? Math.min(MAX, MIN * 2 ** (failures - 1)) : FIRST;
  if (why.close === 4006) return { least: Math.max(why.after, parseWait(why.message)), spread };
  return why.close === 4007 ? { least: Math.max(why.after, MAX), spread: MAX } : { least: 0, spread };
}
