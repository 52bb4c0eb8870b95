// @ts-check
/** The gateway's HTTP API, as far as a person may use it without a key. */

/** Letters that do not look alike. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Milliseconds that an answer may take. */
const ANSWER = 10_000;

/** An id that nobody guesses. */
export const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => LETTERS[b % LETTERS.length]).join('');

/** @param {string} id */
export const validId = (id) => /^[A-Za-z0-9_-]{1,64}$/.test(id);

/** @param {string} session @param {string} [hash] */
export const linkTo = (session, hash = '') => `${location.origin}/?session=${session}${hash && `#${hash}`}`;

/**
 * The session that a person means, by an id or a whole link.
 * @param {string} text
 * @returns {string | undefined}
 */
export function sessionIn(text) {
  const id = text.includes('session=') ? new URLSearchParams(text.slice(text.indexOf('session=')).split('#')[0]).get('session') ?? '' : text;
  return validId(id.trim()) ? id.trim() : undefined;
}

/**
 * Makes a session. It says what came of it: made, exists, or not, because only
 * programs with a key may (forbidden), because the gateway cannot now (later), or
 * for another reason.
 * @param {string} kind
 * @param {string} id
 * @returns {Promise<'made' | 'exists' | 'forbidden' | 'later' | 'failed'>}
 */
export async function create(kind, id) {
  try {
    const { status } = await fetch('/api/sessions', {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ kind, id }), signal: AbortSignal.timeout(ANSWER),
    });
    if (status >= 500 || status === 429) return 'later';
    return status === 201 ? 'made' : status === 409 ? 'exists' : status === 401 || status === 403 ? 'forbidden' : 'failed';
  } catch {
    return 'later';
  }
}

/**
 * What everyone may see of a session; undefined if there is none, or if it is
 * not shown to those who have not joined.
 * @param {string} id
 * @returns {Promise<{ kind: string, members: any[], state: any } | undefined>}
 */
export async function peek(id) {
  try {
    const answer = await fetch(`/api/sessions/${id}`, { signal: AbortSignal.timeout(ANSWER) });
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
}
