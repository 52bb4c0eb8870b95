import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcome, settle, start } from './fake.js';

test('a hidden page answers heartbeats, whatever its timers do', async () => {
  const w = start();
  const s = await w.joined(0);
  w.page.show(false);
  for (let i = 0; i < 40; i++) {
    w.clock.freeze(25_000);
    s.say({ type: 'heartbeat', at: i });
    assert.equal(s.take('heartbeat').length, 1);
  }
  w.page.show(true);
  await w.clock.pass(1000); // all timers that are late
  await w.idle();
  assert.deepEqual(w.told(), ['connected', 'snapshot e/0']);
});

test('back after a sleep: a new connection at once, and the old one in use until then', async () => {
  for (const signal of ['visibilitychange', 'pageshow', 'resume', 'online']) {
    const w = start();
    const old = await w.joined(0);
    const ref = w.client.publish('e', 1);
    w.page.show(false);
    w.clock.freeze(600_000);
    if (signal === 'visibilitychange') w.page.show(true);
    else (signal === 'resume' ? w.page.document : w.page).dispatchEvent(new Event(signal));
    const s = await w.next();
    assert.deepEqual(s.accept().since, { epoch: 'e', offset: 0 });
    assert.equal(w.client.phase, 'connected');
    s.welcome(0, { resumed: true });
    assert.equal(old.readyState, 3);
    s.frame(1, 2);
    assert.deepEqual(s.take('publish').map((m) => m.ref), [1]);
    s.echo(3, w.ref(1));
    assert.equal(await ref, 3);
    assert.deepEqual(w.told().slice(2), ['connected', 'events 1 2', 'events 3']);
  }
});

test('frozen for ten minutes: all is right before any time has passed', async (t) => {
  const wake = (w) => w.page.document.dispatchEvent(new Event('resume'));
  const held = (w, old) => {
    for (let at = 1; at < 4; at++) old.say({ type: 'heartbeat', at });
    old.frame(1);
    old.end(4002, 'heartbeat_missed');
  };
  const orders = {
    'the page': [wake],
    'timers that are due, then the page': [(w) => w.clock.pass(0), wake],
    'the end of the socket, then the page': [(w, old) => old.end(), wake],
    'the page, then the end of the socket': [wake, (w, old) => old.end(4002)],
    'what the socket held, then the page': [held, wake],
    'the page, then what the socket held': [wake, held],
    'timers, the socket, the page': [(w) => w.clock.pass(0), held, wake],
  };
  for (const [name, order] of Object.entries(orders)) {
    for (const resumed of [true, false]) {
      await t.test(`${name}; ${resumed ? 'a replay' : 'a snapshot'}`, async () => {
        const w = start();
        w.random = 1;
        const old = await w.joined(0);
        const published = outcome(w.client.publish('e'));
        w.clock.freeze(600_000);
        const woken = w.clock.time;
        for (const comes of order) await comes(w, old);
        const s = await w.next();
        const { since } = s.accept();
        s.welcome(resumed ? since.offset : 5000, { resumed });
        if (resumed) s.frame(...Array.from({ length: 5000 - since.offset }, (_, i) => since.offset + 1 + i));
        assert.deepEqual(s.take('publish').map((m) => m.ref), [1]);
        s.echo(5001, w.ref(1));
        await settle();
        assert.deepEqual([w.client.position, w.client.phase, published.now], [{ epoch: 'e', offset: 5001 }, 'connected', 5001]);
        assert.equal(w.clock.time, woken);
        await w.idle();
      });
    }
  }
});

test('frozen during an attempt', async (t) => {
  for (const opened of [true, false]) {
    for (const timers of [true, false]) {
      await t.test(`${opened ? 'that had joined' : 'that hung'}, ${timers ? 'timers' : 'the page'} first`, async () => {
        const w = start();
        w.random = 1;
        (await w.joined(0)).end();
        for (let i = 0; i < 8; i++) {
          await w.clock.pass(5000);
          (await w.next()).end();
        }
        await w.clock.pass(5000);
        const hanging = await w.next();
        if (opened) hanging.accept();
        w.clock.freeze(600_000);
        if (timers) await w.clock.pass(0);
        w.page.show(true);
        const s = await w.joined(0, { resumed: true });
        assert.equal(hanging.readyState, 3);
        s.frame(1);
        assert.deepEqual([w.client.phase, w.client.position.offset], ['connected', 1]);
        await w.clock.pass(20_000);
        await w.idle();
      });
    }
  }
});

test('somebody comes back during an attempt: if it fails, the waits begin afresh', async () => {
  const w = start();
  w.random = 1;
  (await w.joined(0)).end();
  for (let i = 0; i < 8; i++) {
    await w.clock.pass(5000);
    (await w.next()).end();
  }
  await w.clock.pass(5000);
  const s = await w.next();
  w.page.show(true);
  s.end();
  assert.equal(w.status.wait, 100);
});

test('the app ends the client when it hears that an attempt hung', async () => {
  const w = start({ onStatus: ({ phase }) => phase === 'reconnecting' && w.client.close() });
  await w.next();
  w.page.tell('online');
  assert.equal(w.client.phase, 'closed');
  await w.clock.pass(20_000);
  await w.idle();
});

test('a page that is left lets go, and is back when somebody goes back to it', async () => {
  const w = start();
  const s = await w.joined(0);
  w.client.publish('e', 1);
  w.page.tell('pagehide');
  assert.equal(s.readyState, 3);
  await w.clock.pass(600_000);
  await w.idle();
  w.page.tell('pageshow');
  const next = await w.joined(0, { resumed: true });
  assert.deepEqual(next.take('publish').map((m) => m.ref), [1]);

  next.end(4007);
  w.page.tell('pagehide');
  w.page.tell('pageshow');
  await w.clock.pass(4999);
  await w.idle();
  await w.clock.pass(5001);
  await w.joined(0, { resumed: true });

  for (const arrived of [false, true]) {
    const early = start();
    const first = await early.next();
    if (arrived) first.accept();
    early.page.tell('pagehide');
    await early.clock.pass(600_000);
    await early.idle();
    early.page.tell('pageshow');
    (await early.joined(0)).end(4506); // if the first join arrived, this may be its doing
    assert.equal(early.client.phase, arrived ? 'reconnecting' : 'closed');
  }
});

test('a page that was away for a moment leaves its connection alone', async () => {
  const w = start();
  await w.joined(0);
  for (let i = 0; i < 10; i++) {
    w.page.show(false);
    w.clock.freeze(2000);
    w.page.show(true);
    w.page.tell('pageshow');
  }
  await w.idle();
});

test('online: no more waiting', async () => {
  for (const signal of ['online', 'pageshow', 'show']) {
    const w = start();
    (await w.joined(0)).end();
    for (let i = 0; i < 8; i++) {
      await w.clock.pass(5000);
      (await w.next()).end();
    }
    if (signal === 'show') w.page.show(true);
    else w.page.tell(signal);
    w.random = 1;
    (await w.next()).end();
    assert.equal(w.status.wait, 100); // it begins afresh
    await w.clock.pass(100);
    await w.joined(0, { resumed: true });
    await w.clock.pass(20_000);
    await w.idle();
  }
});

test('online: an attempt that hangs in the network of before is given up', async () => {
  const w = start();
  const hanging = await w.next();
  w.page.tell('online');
  const s = await w.joined(0);
  assert.equal(hanging.readyState, 3);
  assert.equal(w.client.phase, 'connected');
  await w.clock.pass(20_000);
  await w.idle();
  assert.equal(s.readyState, 1);
});

test('online: one that has joined already is waited for', async () => {
  const w = start();
  const s = await w.next();
  s.accept();
  w.page.tell('online');
  await w.idle();
  s.welcome(0);
  assert.equal(w.client.phase, 'connected');
});

test('offline is told at once, and taken back when the connection speaks', async () => {
  const w = start();
  const s = await w.joined(0);
  w.page.tell('offline');
  (await w.next()).end();
  assert.equal(w.client.phase, 'reconnecting');
  s.frame(1);
  assert.equal(w.client.phase, 'connected');
  await w.clock.pass(5000);
  (await w.next()).end(); // the attempt that was planned
  await w.clock.pass(20_000);
  await w.idle();
  assert.equal(w.client.phase, 'connected');
});

test('offline is told also if something from before comes in between', async () => {
  const w = start();
  const s = await w.joined(0);
  w.page.tell('offline');
  const gone = await w.next();
  s.frame(1); // was on its way
  gone.end();
  assert.equal(w.client.phase, 'reconnecting');
  w.page.tell('online');
  await w.joined(1, { resumed: true });
  assert.equal(w.client.phase, 'connected');
});

test('a network that has changed, and a gateway that has no room: the old connection is used while it speaks', async () => {
  const w = start();
  const s = await w.joined(0);
  w.page.tell('online');
  const full = await w.next();
  s.frame(1);
  full.accept();
  full.end(4509);
  assert.equal(w.client.phase, 'connected');
});

test('silence: a new connection is tried in time, and the old one is in use until then', async () => {
  const w = start();
  const old = await w.joined(0);
  await w.clock.pass(30_000);
  old.frame(1); // any message counts
  await w.clock.pass(34_999);
  await w.idle();
  await w.clock.pass(1);
  const s = await w.next();
  s.accept();
  old.frame(2);
  s.welcome(1, { resumed: true });
  s.frame(2, 3);
  assert.deepEqual(w.told(), ['connected', 'snapshot e/0', 'events 1', 'events 2', 'connected', 'events 3']);
});

test('silence that does not end', async () => {
  const w = start();
  const old = await w.joined(0);
  await w.clock.pass(35_000);
  for (let i = 0; i < 10; i++) {
    (await w.next()).end();
    assert.equal(w.client.phase, 'reconnecting');
    await w.clock.pass(5000);
  }
  assert.equal(old.readyState, 3);
  await w.joined(0, { resumed: true });
  assert.equal(w.client.phase, 'connected');
});

test('silence, and a gateway that says that there is no use', async () => {
  const w = start();
  await w.joined(0);
  await w.clock.pass(35_000);
  const s = await w.next();
  s.accept();
  s.say({ type: 'error', code: 'seat_unknown', message: 'gone', retry: false, after: 0 });
  s.end(4508);
  assert.equal(w.client.phase, 'closed');
});

test('a request without an answer is a question', async () => {
  const w = start();
  const old = await w.joined(0);
  await w.clock.pass(20_000);
  w.client.publish('e', 1);
  await w.clock.pass(4000);
  w.client.publish('e', 2);
  await w.clock.pass(999);
  await w.idle();
  await w.clock.pass(1);
  const s = await w.joined(0, { resumed: true });
  assert.equal(old.readyState, 3);
  assert.deepEqual(s.take('publish').map((m) => m.ref), [1, 2]);
  s.echo(1, w.ref(1));
  s.echo(2, w.ref(2));
  await w.clock.pass(20_000);
  await w.idle();
});

test('a gateway without heartbeats is believed', async () => {
  const w = start();
  await w.joined(0, { heartbeat: 0 });
  await w.clock.pass(3_600_000);
  await w.idle();
});

test('without a page', async () => {
  for (const page of [null, {}]) {
    const w = start({ page });
    await w.joined(0);
    w.client.wake(true);
    await w.joined(0, { resumed: true });
    w.client.close();
  }
});
