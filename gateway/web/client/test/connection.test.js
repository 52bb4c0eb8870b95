import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { client, settle, start, until } from './fake.js';

test('waits between attempts are drawn from bounds that double', async () => {
  for (const random of [0, 0.999999]) {
    const w = start();
    w.random = random;
    (await w.joined(0)).end();
    const waits = [];
    for (let i = 0; i < 12; i++) {
      waits.push(w.status.wait);
      const before = w.sockets.length;
      if (w.status.wait > 1) await w.clock.pass(w.status.wait - 1);
      assert.equal(w.sockets.length, before, 'too early');
      await w.clock.pass(Math.min(2, w.status.wait + 1));
      (await w.next()).end();
    }
    const bounds = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000, 5000];
    assert.deepEqual(waits.map(Math.round), random ? bounds : bounds.map(() => 0));
  }
});

test('the first attempts, before there ever was a connection', async () => {
  const w = start();
  for (let i = 0; i < 50; i++) {
    (await w.next()).end();
    assert.equal(w.client.phase, 'reconnecting');
    await w.clock.pass(5000);
  }
  await w.joined(0);
  assert.equal(w.client.phase, 'connected');
});

test('without a WebSocket connect says so, and does not try for ever', () => {
  const { WebSocket } = globalThis;
  delete globalThis.WebSocket;
  try {
    assert.throws(() => client.connect({ url: 'ws://here/', session: 's', name: 'Ada' }), /no WebSocket here: give the option socket/);
  } finally {
    globalThis.WebSocket = WebSocket;
  }
});

test('what could never connect is told at once', () => {
  const socket = () => assert.fail('it connects');
  for (const [options, says] of [
    [undefined, /needs options, with a session/],
    [{ url: 'ws://here/', name: 'Ada', socket }, /needs options, with a session/],
    [{ session: 's', name: 'Ada', socket }, /url "\/api\/websocket" must be .* absolute where there is no page/],
    [{ url: 'here:8080', session: 's', name: 'Ada', socket }, /url "here:8080" must be ws, wss, http or https/],
  ]) assert.throws(() => client.connect(options), says);
});

test('an error of a socket is heard, so that it does not end a process', async () => {
  const w = start();
  const s = await w.next();
  s.onerror({ message: 'refused' });
  assert.equal(w.client.phase, 'connecting', 'the close behind it tells the rest');
  w.client.close();
  s.onerror({ message: 'closed before it was open' });
});

test('the longest wait is the app\'s to choose, but not where the store is away', async () => {
  const w = start({ backoff: 300 });
  w.random = 1;
  (await w.joined(0)).end();
  const waits = [];
  for (let i = 0; i < 5; i++) {
    waits.push(w.status.wait);
    await w.clock.pass(w.status.wait);
    (await w.next()).end(i === 3 ? 4007 : 1006);
  }
  assert.deepEqual(waits, [100, 200, 300, 300, 10_000]);
});

test('short connections do not make it hurry', async () => {
  const w = start();
  w.random = 1;
  const waits = [];
  for (const lived of [0, 0, 0, 5000, 0]) {
    const s = await w.joined(0);
    await w.clock.pass(lived);
    s.end();
    waits.push(w.status.wait);
    await w.clock.pass(5000);
  }
  assert.deepEqual(waits, [100, 200, 400, 100, 200]);
});

test('waits that the gateway asks for', async () => {
  const refusal = (after) => ({ type: 'error', code: 'too_fast', message: 'no', retry: true, after });
  for (const [code, reason, error, from, to] of [
    [4006, 'wait 1500 ms', null, 1500, 1600],
    [4006, 'too_fast', refusal(2000), 2000, 2100],
    [4006, 'too_fast', null, 0, 100],
    [4007, 'unavailable', null, 5000, 10_000],
    [4007, '', refusal(8000), 8000, 13_000],
    [1006, '', refusal(2000), 2000, 2100], // the close frame was lost
    [1006, '', { ...refusal(60_000), code: 'token_expiring' }, 0, 100],
  ]) {
    const waits = [];
    for (const random of [0, 1]) {
      const w = start();
      const s = await w.joined(0);
      w.random = random;
      if (error) s.say(error);
      s.end(code, reason);
      waits.push(w.status.wait);
      w.page.tell('online'); // is no reason to be faster than asked
      if (from > 0) {
        await w.clock.pass(w.status.wait - 1);
        await w.idle();
      }
      await w.clock.pass(5001);
      await w.joined(0);
    }
    assert.deepEqual(waits, [from, to], `${code} ${reason}`);
  }
});

test('why it closed', async () => {
  const said = (code) => ({ type: 'error', code, message: `this is ${code}`, retry: false, after: 0 });
  const frame = { type: 'frame', events: [{ offset: 1, at: 1, event: 'member.left', data: {} }] };
  for (const [messages, close, reason, code, message] of [
    [[said('removed')], 4505, 'removed', 'removed', 'this is removed'],
    [[said('removed'), frame], 4505, '', 'removed', 'this is removed'], // what was under way
    [[said('slow_down'), { type: 'heartbeat', at: 1 }], 4504, 'session_ended', 'session_ended', 'session_ended'],
    [[], 4504, 'The session has ended.', 'lost', 'The session has ended.'],
    [[], 4999, '', 'lost', 'lost'],
  ]) {
    const w = start();
    const s = await w.joined(0);
    messages.forEach((m) => s.say(m));
    s.end(close, reason);
    const { error } = w.status;
    assert.deepEqual([w.status.phase, error.code, error.message, error.close], ['closed', code, message, close]);
  }
});

test('final codes end it, with the reason', async () => {
  const codes = { 4500: 'malformed', 4501: 'not_authenticated', 4502: 'forbidden', 4503: 'no_such_session', 4504: 'session_ended',
    4505: 'removed', 4506: 'replaced', 4507: 'unknown_protocol', 4508: 'seat_unknown', 4509: 'session_full', 1009: 'too_big', 4999: 'of_the_future' };
  for (const [close, code] of Object.entries(codes)) {
    const w = start();
    const s = await w.joined(0);
    const rejected = assert.rejects(w.client.publish('e'), { code: 'closed', close: Number(close) });
    s.say({ type: 'error', code, message: 'why', retry: false, after: 0 });
    s.end(Number(close), code);
    await rejected;
    await w.clock.pass(60_000);
    await w.idle();
    assert.deepEqual([w.client.phase, w.status.error.code, w.status.error.message, w.status.error.close], ['closed', code, 'why', Number(close)]);
    assert.equal(w.clock.timers.size, 0);
  }
});

test('a join that is refused for good', async () => {
  const w = start();
  const s = await w.next();
  s.accept();
  s.say({ type: 'error', code: 'session_full', message: 'full', retry: false, after: 0 });
  s.end(4509);
  assert.equal(w.status.error.code, 'session_full');
  await w.clock.pass(60_000);
  await w.idle();
});

test('a join that is never answered', async () => {
  const w = start({ timeout: 3000 });
  const s = await w.next();
  s.accept();
  await w.clock.pass(2999);
  await w.idle();
  await w.clock.pass(101);
  assert.equal(s.readyState, 3);
  await w.joined(0);
});

test('replaced by a join of its own is no news', async () => {
  const w = start({ timeout: 3000 });
  (await w.next()).accept(); // reaches the gateway, late
  await w.clock.pass(3100);
  const s = await w.joined(0);
  s.end(4506, 'replaced');
  await w.clock.pass(1000);
  await w.joined(0, { resumed: true });
  assert.equal(w.client.phase, 'connected');
});

test('replaced by a join that was lost on its way and came after all', async () => {
  const w = start();
  const lost = await w.next();
  lost.accept();
  lost.end(1006);
  await w.clock.pass(5000);
  const s = await w.joined(0);
  s.end(4506, 'replaced');
  await w.clock.pass(1000);
  await w.joined(0, { resumed: true });

  const clear = start();
  (await clear.next()).end(1006); // without a join
  await clear.clock.pass(5000);
  (await clear.joined(0)).end(4506, 'replaced');
  assert.equal(clear.client.phase, 'closed');
});

test('drain: the next connection is there before the old one goes', async () => {
  const w = start();
  const old = await w.joined(10);
  old.frame(11);
  w.client.publish('e', 1);
  old.say({ type: 'drain', after: 3200, reason: 'deploy' });
  await w.clock.pass(3199);
  await w.idle();
  await w.clock.pass(1);
  const s = await w.next();
  const join = s.accept();
  assert.deepEqual(join.since, { epoch: 'e', offset: 11 });
  old.frame(12); // still in use
  w.client.publish('e', 2);
  assert.deepEqual(old.take('publish').map((m) => m.ref), [1, 2]);
  assert.equal(old.readyState, 1);
  s.welcome(11, { resumed: true, acked: 1 });
  assert.equal(old.readyState, 3);
  s.frame(12, 13);
  assert.deepEqual(s.take('publish').map((m) => m.ref), [2]);
  await w.clock.pass(10_000);
  await w.idle();
  assert.deepEqual(w.told(), ['connected', 'snapshot e/10', 'events 11', 'events 12', 'connected', 'events 13']);
});

test('drain: a connection that was made meanwhile is enough', async () => {
  const w = start();
  (await w.joined(10)).say({ type: 'drain', after: 3200, reason: 'deploy' });
  w.page.tell('online');
  await w.joined(10, { resumed: true });
  await w.clock.pass(10_000);
  await w.idle();
});

test('drain: a snapshot that the old connection has gone past is not taken', async () => {
  const w = start();
  const old = await w.joined(10);
  old.say({ type: 'drain', after: 0, reason: 'deploy' });
  await w.clock.pass(0);
  const s = await w.next();
  s.accept();
  old.frame(11, 12, 13);
  s.welcome(11);
  s.frame(12, 13, 14);
  assert.deepEqual(w.told(), ['connected', 'snapshot e/10', 'events 11 12 13', 'connected', 'events 14']);
});

test('drain: the gateway closes the old one as soon as the new one is let in', async () => {
  for (const code of [4506, 4000, 1006]) {
    const w = start();
    const old = await w.joined(10);
    old.say({ type: 'drain', after: 0, reason: 'deploy' });
    await w.clock.pass(0);
    const s = await w.next();
    s.accept();
    old.end(code);
    s.welcome(10, { resumed: true });
    s.frame(11);
    await w.clock.pass(10_000);
    await w.idle();
    assert.deepEqual(w.told(), ['connected', 'snapshot e/10', 'connected', 'events 11'], `${code}`);
  }
});

test('drain: that the old one is gone is told if the new one takes its time', async () => {
  const w = start();
  const old = await w.joined(10);
  old.say({ type: 'drain', after: 0, reason: 'deploy' });
  await w.clock.pass(0);
  const s = await w.next();
  s.accept();
  old.end(4000);
  await w.clock.pass(999);
  assert.equal(w.client.phase, 'connected');
  await w.clock.pass(1);
  assert.deepEqual([w.status.phase, w.status.wait, w.status.error.close], ['reconnecting', 0, 4000]);
  s.welcome(10, { resumed: true });
  assert.equal(w.client.phase, 'connected');

  s.say({ type: 'drain', after: 0, reason: 'deploy' });
  await w.clock.pass(0);
  const last = await w.next();
  s.end(4000);
  last.end();
  await w.clock.pass(5000); // until the next attempt, and past the moment of the news
  assert.deepEqual(w.told().filter((t) => t === 'reconnecting').length, 2);
});

test('drain: attempts go on while the old one works, and after it', async () => {
  const w = start();
  const old = await w.joined(10);
  old.say({ type: 'drain', after: 0, reason: 'deploy' });
  for (let i = 0; i < 5; i++) {
    await w.clock.pass(5000);
    (await w.next()).end(i % 2 ? 1006 : 4503);
    old.say({ type: 'heartbeat', at: 1 });
    assert.equal(w.client.phase, 'connected');
  }
  old.end(4000);
  await w.clock.pass(5000);
  await w.joined(10, { resumed: true });
  assert.deepEqual(w.told(), ['connected', 'snapshot e/10', 'reconnecting', 'connected']);
});

test('gzip: in order with what is not compressed, and with the close', async () => {
  const w = start();
  const s = await w.joined(0);
  const pack = (m) => {
    const { buffer, byteOffset, byteLength } = gzipSync(JSON.stringify(m));
    s.onmessage({ data: buffer.slice(byteOffset, byteOffset + byteLength) });
  };
  assert.equal(s.binaryType, 'arraybuffer');
  const frame = (offset, size) => ({ type: 'frame', events: [{ offset, at: 1, event: 'e', data: 'x'.repeat(size) }] });
  pack(frame(1, 500_000));
  pack(frame(2, 10));
  s.say(frame(3, 0));
  pack(frame(4, 0));
  s.say({ type: 'error', code: 'session_ended', message: 'over', retry: false, after: 0 });
  s.end(4504);
  assert.equal(w.client.phase, 'connected');
  await until(() => w.client.phase === 'closed');
  assert.deepEqual(w.told().slice(2), ['events 1', 'events 2', 'events 3', 'events 4', 'error session_ended', 'closed']);
  assert.equal(w.status.error.code, 'session_ended');
});

test('gzip: nothing comes out behind a close', async () => {
  const w = start();
  const s = await w.joined(0);
  const { buffer, byteOffset, byteLength } = gzipSync(JSON.stringify({ type: 'frame', events: [{ offset: 1, at: 1, event: 'e', data: 'x'.repeat(100_000) }] }));
  const packed = buffer.slice(byteOffset, byteOffset + byteLength);
  const other = start();
  (await other.joined(0)).onmessage({ data: packed });
  s.onmessage({ data: packed });
  w.client.close();
  await until(() => other.heard.includes('events 1'));
  await settle();
  assert.deepEqual(w.told().slice(2), ['closed']);
});

test('gzip: a message that cannot be inflated', async () => {
  const w = start();
  const s = await w.joined(0);
  s.onmessage({ data: new Uint8Array([1, 2, 3]).buffer });
  await until(() => w.client.phase === 'reconnecting');
  await w.clock.pass(100);
  await w.joined(0, { resumed: true });
});

test('gzip is offered only where it can be read', async (t) => {
  const had = globalThis.DecompressionStream;
  t.after(() => (globalThis.DecompressionStream = had));
  delete globalThis.DecompressionStream;
  const s = await start().next();
  assert.equal('accept' in s.accept(), false);
});

test('a socket that cannot even be made', async () => {
  const w = start({ socket: () => { throw new Error('insecure'); } });
  await settle();
  assert.equal(w.client.phase, 'reconnecting');
  assert.match(w.status.error.message, /insecure/);
  w.client.close();
});
