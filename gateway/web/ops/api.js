// Requests to the gateway. The API key lives in the tab's session storage only,
// or, where storage is refused, in this page.

const KEY = 'plenum.ops.key';
const ANSWER = 10_000; // milliseconds that an answer may take
const SILENCE = 35_000; // after which a tap is dead: it says something every 15 s

let held = quietly(() => sessionStorage.getItem(KEY)) ?? '';

export const key = {
  get: () => held,
  set: (text) => {
    held = text;
    quietly(() => sessionStorage.setItem(KEY, text));
  },
  clear: () => {
    held = '';
    quietly(() => sessionStorage.removeItem(KEY));
  },
};

/** What storage answers; undefined where it is refused. */
export function quietly(use) {
  try {
    return use();
  } catch {
    return undefined;
  }
}

/** What the gateway, or the way to it, said no to. */
export class Refused extends Error {
  constructor(status, detail, key) {
    super(detail);
    this.status = status;
    this.key = key; // that was sent
  }

  /** Whether it asks for an API key, or for another one. */
  get wantsKey() { return this.status === 401 || this.status === 403; }
}

async function request(path, options = {}) {
  const sent = key.get();
  const headers = sent ? { Authorization: 'Bearer ' + sent } : {};
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', headers, signal: AbortSignal.timeout(ANSWER), ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refused(0, 'This replica does not answer.');
  }
  if (response.ok) return response;
  let detail = response.statusText;
  try {
    detail = (await response.json()).detail ?? detail;
  } catch { /* not a problem of the gateway's */ }
  throw new Refused(response.status, detail, sent);
}

export const get = async (path) => (await request(path)).json();

export const send = (method, path) => request(path, { method });

/** Calls back with each line of JSON that a path goes on answering with, until signal aborts. */
export async function lines(path, signal, onLine) {
  const response = await request(path, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    let silent = false;
    const patience = setTimeout(() => {
      silent = true;
      reader.cancel();
    }, SILENCE);
    const { value, done } = await reader.read();
    clearTimeout(patience);
    if (silent) throw new Refused(0, 'This replica does not answer.');
    if (done) return;
    const parts = (rest + value).split('\n');
    rest = parts.pop();
    for (const part of parts) if (part) onLine(JSON.parse(part));
  }
}
