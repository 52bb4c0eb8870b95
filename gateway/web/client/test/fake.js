/** A gateway, a clock and a page for the tests: nothing happens unless a test says so. */
import { webcrypto } from 'node:crypto';

/** The client under test: its modules, or the bundle that is made of them. */
export const client = await import(process.env.CLIENT_UNDER_TEST ?? '../index.js');

globalThis.crypto ??= webcrypto; // node 18

/** Lets everything happen that waits for nothing but its turn. */
export async function settle() {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
}

/** Waits for what takes real time, such as inflating. */
export async function until(condition) {
  const late = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > late) throw new Error(`never: ${condition}`);
    await new Promise(setImmediate);
  }
}

export class FakeClock {
  time = 1_000_000;
  timers = new Map();
  #last = 0;

  now = () => this.time;

  setTimeout(f, ms) {
    if (!(ms >= 0 && ms < 2 ** 31)) throw new RangeError(`a timer of ${ms} ms`);
    this.timers.set(++this.#last, { due: this.time + ms, f });
    return this.#last;
  }

  clearTimeout(timer) {
    this.timers.delete(timer);
  }

  /** Lets time pass, timer by timer. */
  async pass(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const [first] = [...this.timers].filter(([, t]) => t.due <= end).sort((a, b) => a[1].due - b[1].due);
      if (!first) break;
      this.timers.delete(first[0]);
      this.time = Math.max(this.time, first[1].due);
      first[1].f();
      await settle();
    }
    this.time = end;
  }

  /** Time passes, and no timer runs: the page is frozen. */
  freeze(ms) {
    this.time += ms;
  }
}

/** The gateway's end of a socket, and the socket itself. */
export class FakeSocket {
  readyState = 0;
  binaryType = 'blob';
  onopen = null;
  onmessage = null;
  onclose = null;
  received = [];

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
  }

  send(text) {
    if (this.readyState !== 1) throw new Error('not open');
    this.received.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3; // the close event comes much later, if at all
  }

  /** Takes what came since. */
  take(type) {
    const taken = this.received.filter((m) => !type || m.type === type);
    this.received = this.received.filter((m) => type && m.type !== type);
    return taken;
  }

  accept() {
    this.readyState = 1;
    this.onopen?.({});
    return this.take('join')[0];
  }

  say(message) {
    this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) });
  }

  welcome(offset, more = {}) {
    const { session, ...rest } = more;
    this.say({
      type: 'welcome', protocol: 'plenum.v1', replica: 'gw-1',
      session: { id: 's', kind: 'broadcast', epoch: 'e', offset, ...session },
      you: { member: 'm_1', seat: 'secret', client: 'c' }, acked: 0, resumed: false,
      ...(rest.resumed ? {} : { members: [{ member: 'm_1', name: 'Ada', status: 'online' }], state: {} }),
      heartbeat: 25_000, frame: 100, limits: { message: 65_536, backlog: 262_144 }, ...rest,
    });
  }

  /** Events with these offsets; 0 is an ephemeral one. */
  frame(...offsets) {
    this.say({ type: 'frame', events: offsets.map((offset) => ({ ...(offset && { offset }), at: 1, event: 'e', from: 'm_2', data: offset })) });
  }

  echo(offset, ref) {
    this.say({ type: 'frame', events: [{ offset, at: 1, event: 'e', from: 'm_1', ref, data: null }] });
  }

  /** Closes, as the gateway or the network does. */
  end(code = 1006, reason = '') {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

/** A page that can be hidden, and lose its network. */
export class FakePage extends EventTarget {
  document = Object.assign(new EventTarget(), { visibilityState: 'visible' });

  tell(type) {
    this.dispatchEvent(new Event(type));
  }

  show(visible) {
    this.document.visibilityState = visible ? 'visible' : 'hidden';
    this.document.dispatchEvent(new Event('visibilitychange'));
  }
}

/** Starts a client. Its callbacks are noted in heard, as short texts. */
export function start(options = {}) {
  const world = { clock: new FakeClock(), page: new FakePage(), sockets: [], heard: [], random: 0.5 };
  const hear = (text) => world.heard.push(text);
  const { onState, onStatus, onEvents, ...rest } = options;
  world.client = client.connect({
    url: 'https://gateway.test/api/websocket', session: 's', name: 'Ada',
    clock: world.clock, page: world.page, random: () => world.random,
    socket: (url, protocols) => {
      const socket = new FakeSocket(url, protocols);
      world.sockets.push(socket);
      return socket;
    },
    onStatus: (s) => {
      hear(s.phase);
      world.status = s;
      onStatus?.(s);
    },
    onState: (s) => {
      hear(`${s.reason} ${s.session.epoch}/${s.session.offset}`);
      onState?.(s);
    },
    onEvents: (events) => {
      hear(`events ${events.map((e) => e.offset ?? 0).join(' ')}`);
      onEvents?.(events);
    },
    onPrivate: (p) => hear(`private ${p.event}`),
    onError: (e) => hear(`error ${e.code}`),
    ...rest,
  });
  /** The socket that was made last, once there is a new one. */
  let seen = 0;
  world.next = async () => {
    await settle();
    if (world.sockets.length !== seen + 1) throw new Error(`${world.sockets.length - seen} new sockets`);
    return world.sockets[seen++];
  };
  /** A connection that is welcomed. */
  world.joined = async (offset = 0, more) => {
    const socket = await world.next();
    socket.join = socket.accept();
    socket.welcome(offset, more);
    return socket;
  };
  world.idle = async () => {
    await settle();
    if (world.sockets.length !== seen) throw new Error('an unexpected socket');
  };
  /** Takes what was heard since, but for some. */
  world.told = () => world.heard.splice(0);
  world.ref = (n) => `${world.client.id}:${n}`;
  return world;
}

/** The outcome of a promise, as text: an offset, an error's code, or "pending". */
export function outcome(promise) {
  const o = { now: 'pending' };
  promise.then((offset) => (o.now = offset), (e) => (o.now = e.code));
  return o;
}
