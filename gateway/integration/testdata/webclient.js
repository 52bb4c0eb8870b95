/**
 * Joins a session as an app does, with the bundle that the gateway serves, and
 * keeps all that it is told in the page's "me". storage names the storage that
 * seats are kept in; random is what the client draws, always; tokens are what
 * the app has when it is asked for one, null is none.
 */
globalThis.join = async (session, { storage, protocols, random, tokens, ...options }) => {
  const { connect, seatsIn } = await import('/client/dist/plenum.min.js');
  const me = { events: [], states: [], statuses: [], welcomes: [], errors: [], notes: [], outcomes: [], sockets: [] };
  const outcome = (data, promise) => {
    const o = { data, now: 'pending' };
    me.outcomes.push(o);
    promise.then((offset) => (o.now = offset), (e) => (o.now = e.code));
  };
  me.client = connect({
    session,
    seats: storage && seatsIn(globalThis[storage]),
    random: random === undefined ? Math.random : () => random,
    token: tokens && (async () => tokens.shift() ?? Promise.reject(new Error('no token'))),
    socket: (url, offered) => observed(new WebSocket(url, protocols ?? offered), me.sockets),
    onStatus: ({ phase, error }) => me.statuses.push({ phase, code: error?.code, close: error?.close }),
    onWelcome: (welcome) => me.welcomes.push(welcome),
    onState: (state) => me.states.push({ ...state, behind: me.events.length }),
    onEvents: (events) => me.events.push(...events),
    onPrivate: ({ event, data }) => me.notes.push({ event, data }),
    onError: ({ code }) => me.errors.push(code),
    ...options,
  });
  me.publish = (data) => outcome(data, me.client.publish('said', data));
  me.command = (command, data) => outcome(data, me.client.command(command, data));
  /** Says 0, 1, 2 and so on, as long as there is talk. */
  me.talk = (every) => {
    let n = 0;
    me.talking = setInterval(() => me.publish(n++), every);
  };
  for (const type of ['resume', 'visibilitychange']) {
    document.addEventListener(type, () => (me.woken = performance.now()));
  }
  globalThis.me = me;
};

/** Notes what becomes of a socket, and how many of its messages were compressed. */
function observed(socket, sockets) {
  const life = { socket, packed: 0 };
  sockets.push(life);
  socket.addEventListener('message', ({ data }) => {
    if (typeof data !== 'string') life.packed++;
    else if (data.startsWith('{"type":"welcome"')) life.welcomed = performance.now();
  });
  socket.addEventListener('close', ({ code }) => Object.assign(life, { closed: performance.now(), code }));
  const { close } = socket;
  socket.close = (...args) => {
    life.left = performance.now();
    close.apply(socket, args);
  };
  return socket;
}
