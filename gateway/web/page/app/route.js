// @ts-check
/** Where the page is: at the start, or in a session. */
import { linkTo, newId, validId, create } from './http.js';
import { Store } from './store.js';
import { takeSeat } from './visit.js';
import { keep, kept } from './storage.js';

/**
 * @typedef {object} Route
 * @property {string} session empty: the start
 * @property {boolean} bad the link names no session
 * @property {boolean} [created] by this page, just now
 * @property {string} [expect] the kind that was meant where only joining could make it
 */

/** @returns {Route} */
function read() {
  const id = new URLSearchParams(location.search).get('session');
  const session = id && validId(id) ? id : '';
  if (session) takeSecrets(session);
  return { session, bad: id !== null && !session };
}

/**
 * A seat or a token comes behind the #, which no server sees. It is taken out of
 * the address, so that nobody passes it on with the link.
 * @param {string} session
 */
function takeSecrets(session) {
  const secrets = new URLSearchParams(location.hash.slice(1));
  const [seat, token] = [secrets.get('seat'), secrets.get('token')];
  if (seat) takeSeat(session, seat);
  if (token) keep(`token-${session}`, token);
  if (seat || token) history.replaceState(null, '', linkTo(session));
}

/** @param {string} session */
export const tokenOf = (session) => kept(`token-${session}`);

/** @type {Store<Route>} */
export const route = new Store(read());

addEventListener('popstate', () => (route.value = read()));

/** @param {string} session empty: to the start */
export function go(session) {
  history.pushState(null, '', session ? linkTo(session) : '/');
  route.value = read();
}

/**
 * Makes a session and goes there. Where only programs with a key may make one,
 * joining may still do it.
 * @param {string} kind
 * @param {(link: string) => void} named is told the link at once, within the click
 * @returns {Promise<boolean>}
 */
export async function make(kind, named) {
  const id = newId();
  const from = route.value;
  named(linkTo(id));
  const made = await create(kind, id);
  if (made === 'failed' || made === 'later' || made === 'exists') return false;
  if (route.value !== from) return true; // the person has gone somewhere else meanwhile
  history.pushState(null, '', linkTo(id));
  route.value = { session: id, bad: false, created: true, expect: made === 'forbidden' ? kind : undefined };
  return true;
}

/**
 * A link that makes another device this very member.
 * @param {import('./visit.js').Visit} visit
 */
export const linkFor = (visit) => linkTo(visit.session, `seat=${encodeURIComponent(visit.seat)}`);
