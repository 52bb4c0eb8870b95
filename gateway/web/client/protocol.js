// @ts-check
/** The protocol plenum.v1: what is sent, and how what comes is read. */

export const PROTOCOL = 'plenum.v1';

/** The error that announces the end of a token. It is not why a connection ends. */
export const EXPIRING = 'token_expiring';

export class PlenumError extends Error {
  /**
   * @param {string} code
   * @param {string} [message]
   * @param {{ retry?: boolean, after?: number, close?: number }} [more]
   */
  constructor(code, message, { retry = false, after = 0, close = 0 } = {}) {
    super(message || code);
    this.name = 'PlenumError';
    this.code = code;
    this.retry = retry;
    this.after = after;
    this.close = close;
  }
}

/** What becomes of a request when the client ends. @param {PlenumError} [why] */
export const ended = (why) => new PlenumError('closed', why?.message || 'the client has ended', { close: why?.close });

/**
 * Reads a message of the gateway; throws if it is none.
 * @param {string} text
 * @returns {any}
 */
export function decode(text) {
  const m = JSON.parse(text);
  if (typeof m?.type !== 'string') throw new TypeError('a message without a type');
  if (m.type === 'frame') {
    for (const e of m.events) {
      if (typeof e.event !== 'string' || !Number.isInteger(e.offset ?? 0)) throw new TypeError('a broken event');
      e.data ??= null;
    }
  }
  return m;
}

export const LEAVE = '{"type":"leave"}';

/** @param {object} join */
export const encodeJoin = (join) =>
  JSON.stringify({ type: 'join', accept: typeof DecompressionStream === 'function' ? ['gzip'] : undefined, ...join });

/**
 * @param {number} [at] the gateway's
 * @param {number} [offset] what has been applied
 */
export const encodeHeartbeat = (at, offset) => JSON.stringify({ type: 'heartbeat', at, offset });

/**
 * Data as JSON. Half a character, as a text has that was cut within an emoji, is
 * none: the gateway would close the connection for good.
 * @param {unknown} data
 */
export function encode(data) {
  const json = JSON.stringify(data) ?? 'null';
  if (/(^|[^\\])(\\\\)*\\ud[89a-f]/.test(json)) throw new PlenumError('malformed', 'a text in the data has half of a surrogate pair');
  return json;
}

/**
 * @param {'publish' | 'command'} type
 * @param {string} name of the event or command
 * @param {string} data JSON
 * @param {{ ref?: number, key?: string, ephemeral?: boolean }} more
 */
export function encodeRequest(type, name, data, more) {
  const head = JSON.stringify({ type, ...more, [type === 'publish' ? 'event' : type]: name });
  return `${head.slice(0, -1)},"data":${data}}`;
}

/** @param {string} text */
export const bytes = (text) => new TextEncoder().encode(text).length;

/**
 * Whether a client that was closed with the code may come back.
 * @param {number} code
 */
export const reconnects = (code) => [1001, 1006, 1011, 1012, 1013].includes(code) || (code >= 4000 && code < 4500);

/**
 * The milliseconds that the reason of a close with 4006 asks for.
 * @param {string} reason
 */
export function parseWait(reason) {
  const found = /^wait (\d+) ms/.exec(reason);
  return found ? Math.min(Number(found[1]), 3_600_000) : 0;
}
