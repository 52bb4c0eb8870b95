// @ts-check
/** @typedef {import('./index.js').Options} Options */

/** @type {import('./index.js').Clock} */
const clock = {
  now: Date.now, // performance.now stands still in some sleeps
  setTimeout: (f, ms) => setTimeout(f, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

/** @type {(url: string, protocols: string[]) => import('./index.js').Socket} */
const socket = (url, protocols) => new WebSocket(url, protocols);

/**
 * The options with their defaults, and with the URL as it is dialled.
 * @param {Options} options
 */
export function complete(options) {
  if (!options?.session) throw new TypeError('connect needs options, with a session');
  if (!options.socket && !globalThis.WebSocket) throw new TypeError('no WebSocket here: give the option socket');
  const url = address(options.url ?? '/api/websocket');
  url.protocol = url.protocol.replace('http', 'ws');
  url.searchParams.set('session', options.session);
  /** @type {any} */
  const page = globalThis;
  const defaults = { clock, socket, page, retry: true, outbox: 1000, timeout: 10_000, backoff: 5000, random: Math.random };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...defaults, .../** @type {Options} */ (given), url: url.href };
}

/** @param {string} url */
function address(url) {
  try {
    const absolute = new URL(url, globalThis.location?.href);
    if (absolute.pathname === '/') absolute.pathname = '/api/websocket';
    if (/^(ws|http)s?:$/.test(absolute.protocol)) return absolute;
  } catch {} // without a page there is no host to add
  throw new TypeError(`url "${url}" must be ws, wss, http or https, and absolute where there is no page`);
}
