import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, settle, start } from './fake.js';

const { Members, seatsIn } = client;

test('joins, and hands over events in order', async () => {
  const w = start({ role: 'voter', passcode: '42', token: 'a.b' });
  const s = await w.next();
  assert.equal(s.url, 'wss://gateway.test/api/websocket?session=s');
  assert.deepEqual(s.protocols, ['plenum.v1']);
  assert.deepEqual(s.accept(), { type: 'join', client: w.client.id, name: 'Ada', role: 'voter', passcode: '42', token: 'a.b', accept: ['gzip'] });
  assert.equal(w.client.phase, 'connecting');
  s.welcome(41);
  s.frame(42, 0, 43);
  s.say({ type: 'private', event: 'your_vote', data: 5 });
  s.say({ type: 'fireworks' });
  s.frame(44);
  assert.deepEqual(w.told(), ['connected', 'snapshot e/41', 'events 42 0 43', 'private your_vote', 'events 44']);
  assert.deepEqual(w.client.position, { epoch: 'e', offset: 44 });
  assert.equal(w.client.member, 'm_1');
  assert.equal(w.client.seat, 'secret');
  assert.equal(w.status.replica, 'gw-1');
});

test('every client has an id of its own', () => {
  const ids = new Set(Array.from({ length: 100 }, () => start().client.id));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test('addresses', async () => {
  for (const [url, want] of [['https://a.test', 'wss://a.test/api/websocket?session=s'], ['http://a.test:80/x', 'ws://a.test/x?session=s'], ['wss://a.test/api/websocket?k=1', 'wss://a.test/api/websocket?k=1&session=s']]) {
    assert.equal((await start({ url }).next()).url, want);
  }
  assert.equal((await start({ session: 'a b&c' }).next()).url, 'wss://gateway.test/api/websocket?session=a+b%26c');
});

test('answers heartbeats at once with what is applied', async () => {
  const w = start();
  const s = await w.joined(10);
  for (let i = 0; i < 5; i++) {
    await w.clock.pass(25_000);
    s.frame(11 + i);
    s.say({ type: 'heartbeat', at: 1000 + i });
    assert.deepEqual(s.take(), [{ type: 'heartbeat', at: 1000 + i, offset: 11 + i }]);
  }
  await w.idle();
});

test('resumes', async () => {
  const w = start();
  let s = await w.joined(0);
  s.frame(1, 2, 3);
  for (let i = 0; i < 3; i++) {
    s.end();
    await w.clock.pass(5000);
    s = await w.joined(3 + i, { resumed: true });
    assert.equal(s.join.seat, 'secret');
    assert.equal(s.join.client, w.client.id);
    assert.deepEqual(s.join.since, { epoch: 'e', offset: 3 + i });
    s.frame(2 + i, 3 + i); // seen before
    s.frame(3 + i, 0, 4 + i);
  }
  assert.deepEqual(w.told().filter((t) => !/connect/.test(t)), ['snapshot e/0', 'events 1 2 3', 'events 0 4', 'events 0 5', 'events 0 6']);
});

test('a snapshot in place of a resume', async () => {
  const w = start();
  let s = await w.joined(5);
  for (const [offset, session] of [[2000, {}], [3, { epoch: 'f' }], [2, { epoch: 'f' }]]) {
    s.frame(w.client.position.offset + 1);
    s.end();
    await w.clock.pass(5000);
    s = await w.joined(offset, { session });
  }
  s.frame(3);
  assert.deepEqual(w.told().filter((t) => !/connect/.test(t)),
    ['snapshot e/5', 'events 6', 'snapshot e/2000', 'events 2001', 'snapshot f/3', 'events 4', 'snapshot f/2', 'events 3']);
});

test('a state replaces what is known, and the connection stays', async () => {
  const w = start();
  const s = await w.joined(10);
  for (const [reason, epoch, offset] of [['lagged', 'e', 500], ['reset', 'g', 0]]) {
    s.say({ type: 'state', session: { id: 's', kind: 'document', epoch, offset }, members: [], state: { a: 1 }, reason });
    s.frame(offset + 1);
  }
  assert.deepEqual(w.told().slice(2), ['lagged e/500', 'events 501', 'reset g/0', 'events 1']);
  await w.clock.pass(20_000);
  await w.idle();
});

test('comes back with a seat and a position', async () => {
  const w = start({ seat: 'kept', since: { epoch: 'e', offset: 7 } });
  const s = await w.joined(7, { resumed: true });
  assert.equal(s.join.seat, 'kept');
  assert.deepEqual(s.join.since, { epoch: 'e', offset: 7 });
  s.frame(8);
  assert.deepEqual(w.told(), ['connected', 'events 8']);
});

test('a gateway that breaks the protocol is left, and nothing is missed', async (t) => {
  const breaches = {
    'a hole': (s) => s.frame(1, 3, 4),
    rubbish: (s) => (s.frame(1), s.say('rubbish')),
    'no type': (s) => (s.frame(1), s.say({})),
    'a broken frame': (s) => (s.frame(1), s.say({ type: 'frame', events: 7 })),
    'a nameless event': (s) => (s.frame(1), s.say({ type: 'frame', events: [{ offset: 2 }] })),
  };
  for (const [name, breach] of Object.entries(breaches)) {
    await t.test(name, async () => {
      const w = start();
      breach(await w.joined(0));
      await w.clock.pass(100);
      const s = await w.joined(1, { resumed: true });
      assert.deepEqual(s.join.since, { epoch: 'e', offset: 1 });
      s.frame(2, 3, 4);
      assert.deepEqual(w.told(), ['connected', 'snapshot e/0', 'events 1', 'error breach', 'reconnecting', 'connected', 'events 2 3 4']);
    });
  }
});

test('a resume elsewhere than asked would be a silent gap', async () => {
  const w = start();
  (await w.joined(10)).end();
  await w.clock.pass(5000);
  await w.joined(12, { resumed: true });
  await w.clock.pass(5000);
  const s = await w.joined(12);
  assert.equal(s.join.since, undefined);
  assert.deepEqual(w.told().slice(2), ['reconnecting', 'error breach', 'reconnecting', 'connected', 'snapshot e/12']);
});

test('a resume elsewhere, while the connection before is in use', async () => {
  const w = start();
  const old = await w.joined(10);
  old.say({ type: 'drain', after: 0, reason: 'deploy' });
  await w.clock.pass(0);
  await w.joined(12, { resumed: true });
  old.frame(11);
  assert.deepEqual(w.client.position, { epoch: 'e', offset: 11 });
  await w.clock.pass(5000);
  const s = await w.joined(12);
  assert.equal(s.join.since, undefined);
  assert.deepEqual(w.told().slice(2), ['error breach', 'events 11', 'connected', 'snapshot e/12']);
});

test('a callback that throws disturbs nothing', async (t) => {
  const uncaught = [];
  t.mock.method(globalThis, 'queueMicrotask', (f) => assert.throws(f, (e) => !!uncaught.push(e.message)));
  const w = start({ onEvents: () => { throw new Error('of the app'); } });
  const s = await w.joined(0);
  s.frame(1);
  s.say({ type: 'heartbeat', at: 1 });
  assert.deepEqual(s.take(), [{ type: 'heartbeat', at: 1, offset: 1 }]);
  assert.deepEqual(uncaught, ['of the app']);
});

test('close in a callback', async () => {
  for (const name of ['onWelcome', 'onState', 'onStatus', 'onEvents']) {
    const w = start({ [name]: () => w.client.close() });
    const s = await w.joined(0);
    s.frame(1);
    await w.clock.pass(60_000);
    assert.equal(w.client.phase, 'closed');
    await w.idle();
  }
});

test('seats are kept', async () => {
  const kept = new Map();
  const storage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) };
  const seats = seatsIn(storage);
  let w = start({ seats });
  let s = await w.joined(0);
  assert.equal(s.join.seat, undefined);
  assert.deepEqual([...kept], [['plenum.seat.s', 'secret']]);
  w.client.close();

  w = start({ seats });
  s = await w.joined(0);
  assert.equal(s.join.seat, 'secret');
  s.end(4504);
  assert.equal(kept.size, 1);

  w = start({ seats });
  s = await w.next();
  s.accept();
  s.say({ type: 'error', code: 'seat_unknown', message: 'no such seat', retry: false, after: 0 });
  s.end(4508, 'seat_unknown');
  assert.equal(kept.size, 0);

  w = start({ seats });
  (await w.joined(0)).end(4505, 'removed');
  assert.equal(kept.size, 0);

  w = start({ seats });
  s = await w.joined(0);
  seats.set('s', 'a newer one'); // by another tab, whose session began anew before this one knew
  s.end(4505, 'removed');
  assert.equal(seats.get('s'), 'a newer one');

  for (const broken of [undefined, { getItem() { throw new Error('forbidden'); }, setItem() { throw new Error('full'); }, removeItem() {} }]) {
    w = start({ seats: seatsIn(broken) });
    s = await w.joined(0);
    assert.equal(s.join.seat, undefined);
  }
});

test('a token is asked for before every join', async () => {
  let n = 0;
  const w = start({ token: async () => {
    if (++n === 2) throw new Error('the issuer is away');
    return `t${n}`;
  } });
  let s = await w.joined(0);
  assert.equal(s.join.token, 't1');
  s.end(4005);
  await w.clock.pass(5000);
  s = await w.joined(0, { resumed: true });
  assert.equal(s.join.token, 't3');
});

test('a token that is about to expire is replaced in place', async () => {
  const tokens = ['first', 'second', new Error('the issuer is away'), 'fourth'];
  const w = start({ token: async () => {
    const next = tokens.shift();
    if (next instanceof Error) throw next;
    return next;
  } });
  const s = await w.joined(0);
  const expiring = { type: 'error', code: 'token_expiring', message: 'soon', retry: false, after: 30_000 };
  const ask = async () => {
    s.say(expiring);
    await settle();
    return s.take('command').map(({ ref, command, data }) => ({ ref, command, data }));
  };
  assert.deepEqual(await ask(), [{ ref: 1, command: 'refresh_token', data: { token: 'second' } }]);
  s.say({ type: 'ack', ref: 1, offset: 0 });
  assert.deepEqual(await ask(), []);
  assert.deepEqual(await ask(), [{ ref: 2, command: 'refresh_token', data: { token: 'fourth' } }]);
  s.say({ type: 'error', ref: 2, code: 'not_authenticated', message: 'no', retry: false, after: 0 });
  await settle();
  assert.equal(w.client.pending, 0);
  assert.deepEqual(w.told(), ['connected', 'snapshot e/0', 'error token', 'error not_authenticated']);

  const fixed = start({ token: 'a.b' });
  const t = await fixed.joined(0);
  t.say(expiring);
  await settle();
  assert.deepEqual(t.take('command'), []);
  assert.deepEqual(fixed.told().slice(2), ['error token_expiring']);
});

test('the client ends while it gets another token', async () => {
  const waiting = [];
  const w = start({ token: () => (waiting.length ? new Promise((resolve) => waiting.push(resolve)) : void waiting.push(0) ?? 'first') });
  const s = await w.joined(0);
  s.say({ type: 'error', code: 'token_expiring', message: 'soon', retry: false, after: 30_000 });
  w.client.close();
  waiting[1]('second');
  await settle();
  assert.deepEqual(w.told().slice(2), ['closed']);
});

test('a token that comes too late', async () => {
  const waiting = [];
  const w = start({ timeout: 1000, token: () => new Promise((resolve) => waiting.push(resolve)) });
  await w.clock.pass(1100);
  assert.equal(waiting.length, 2);
  waiting[0]('late');
  await w.idle();
  waiting[1]('in time');
  assert.equal((await w.joined(0)).join.token, 'in time');
});

test('the clock of the gateway', async () => {
  const w = start();
  let s = await w.joined(0);
  /** A message that was this long on its way, from a gateway that is so much ahead. */
  const said = (ahead, late) => w.clock.now() + ahead - late;
  const beat = (ahead, late) => s.say({ type: 'heartbeat', at: said(ahead, late) });
  assert.equal(w.client.skew, undefined);

  w.client.publish('e');
  s.frame(1); // somebody else's, perhaps an old one
  assert.equal(w.client.skew, undefined);
  s.say({ type: 'frame', events: [{ offset: 2, at: said(60_000, 80), event: 'e', from: 'm_1', ref: w.ref(1), data: null }] });
  assert.equal(w.client.skew, 59_920);

  beat(60_000, 30);
  assert.equal(w.client.skew, 59_970);
  for (const late of [200, 20, 300, 400_000, 5]) beat(60_000, late); // held up in a page that was frozen, too
  assert.equal(w.client.skew, 59_995);

  w.client.publish('e');
  s.end();
  await w.clock.pass(5000);
  s = await w.joined(2, { resumed: true });
  s.say({ type: 'frame', events: [{ offset: 3, at: said(60_000, 5000), event: 'e', from: 'm_1', ref: w.ref(2), data: null }] }); // replayed
  assert.equal(w.client.skew, 59_995);
  for (let i = 0; i < 5; i++) beat(-7000, 10); // one of the two clocks was set anew
  assert.equal(w.client.skew, -7010);
});

test('a clock that only a replay tells is not known', async () => {
  const w = start();
  let s = await w.joined(0);
  w.client.publish('e');
  s.end();
  await w.clock.pass(5000);
  s = await w.joined(0, { resumed: true });
  s.echo(1, w.ref(1));
  assert.equal(w.client.skew, undefined);
});

test('who is there', async () => {
  let seen;
  const note = () => (seen = w.client.members.list.map((m) => `${m.name} ${m.status}`).join());
  const w = start({ onState: note, onEvents: note });
  let s = await w.joined(0);
  assert.equal(seen, 'Ada online');
  const event = (offset, event, data) => ({ offset, at: 1, event, data });
  s.say({ type: 'frame', events: [event(1, 'member.joined', { member: 'm_2', name: 'Bo', status: 'online' }), event(2, 'chat.message', {})] });
  assert.equal(seen, 'Ada online,Bo online');
  s.end();
  await w.clock.pass(5000);
  s = await w.joined(2, { resumed: true });
  s.say({ type: 'frame', events: [event(3, 'member.changed', { member: 'm_2', status: 'offline' })] });
  assert.equal(seen, 'Ada online,Bo offline');
  s.say({ type: 'state', session: { id: 's', kind: 'k', epoch: 'f', offset: 0 }, members: [{ member: 'm_3', name: 'Cy', status: 'online' }], reason: 'reset' });
  assert.equal(seen, 'Cy online');
});

test('the seat is given up elsewhere, by another tab', async () => {
  const kept = new Map([['s', 'secret']]);
  const w = start({ seats: { get: (s) => kept.get(s), set: (s, v) => kept.set(s, v), remove: (s) => kept.delete(s) } });
  (await w.joined(0)).end(1000, 'left');
  assert.deepEqual([w.client.phase, w.status.error.code, w.status.error.close, w.status.error.message], ['closed', 'left', 1000, 'left']);
  assert.equal(kept.size, 0);
});

test('what is exported', () => {
  assert.deepEqual(Object.keys(client).sort(), ['Members', 'PlenumError', 'connect', 'seatsIn']);
});

test('Members', () => {
  const members = new Members();
  const before = members.list;
  members.replace([{ member: 'a', name: 'Ada', status: 'online' }]);
  assert.ok(members.apply({ event: 'member.joined', data: { member: 'b', name: 'Bo', status: 'online' } }));
  assert.ok(members.apply({ event: 'member.changed', data: { member: 'a', status: 'offline' } }));
  assert.ok(members.apply({ event: 'member.joined', data: { member: 'b', name: 'Bob', status: 'online' } }));
  assert.ok(!members.apply({ event: 'member.changed', data: { member: 'x', status: 'offline' } }));
  assert.ok(!members.apply({ event: 'member.left', data: { member: 'x' } }));
  assert.ok(!members.apply({ event: 'chat.message', data: null }));
  assert.deepEqual(members.list, [{ member: 'a', name: 'Ada', status: 'offline' }, { member: 'b', name: 'Bob', status: 'online' }]);
  assert.equal(members.get('b').name, 'Bob');
  assert.equal(members.get(undefined), undefined);
  assert.ok(members.apply({ event: 'member.left', data: { member: 'a', reason: 'left' } }));
  assert.equal(members.list.length, 1);
  assert.deepEqual(before, []);
});
