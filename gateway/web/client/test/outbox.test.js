import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakePage, outcome, settle, start } from './fake.js';

const refs = (socket) => socket.take('publish').map((m) => m.ref);
const refusal = (ref, code, more = {}) => ({ type: 'error', ref, code, message: 'no', retry: false, after: 0, ...more });

test('the echo settles, behind the event itself', async () => {
  const order = [];
  const w = start({ onEvents: (events) => order.push(`event ${events[0].offset}`) });
  const s = await w.joined(0);
  const data = { text: 'hi' };
  w.client.publish('chat.message', data).then((offset) => order.push(`settled ${offset}`));
  data.text = 'changed later';
  assert.deepEqual(s.take(), [{ type: 'publish', ref: 1, event: 'chat.message', data: { text: 'hi' } }]);
  assert.equal(w.client.pending, 1);
  s.echo(1, w.ref(1));
  await settle();
  assert.deepEqual(order, ['event 1', 'settled 1']);
  assert.equal(w.client.pending, 0);
});

test('only the own echo settles', async () => {
  const w = start();
  const s = await w.joined(0);
  const o = outcome(w.client.publish('e'));
  const event = (offset, more) => ({ offset, at: 1, event: 'e', data: null, ...more });
  s.say({ type: 'frame', events: [
    event(1, { from: 'm_2', ref: w.ref(1) }), event(2, { from: 'm_1', ref: 'other:1' }), event(3, { from: 'm_1', ref: '' }), event(4, { from: 'm_1' }),
  ] });
  await settle();
  assert.equal(o.now, 'pending');
  s.say({ type: 'frame', events: [event(5, { ref: w.ref(1) })] }); // by the gateway itself
  await settle();
  assert.equal(o.now, 5);
});

test('acks and refusals settle', async () => {
  const w = start();
  const s = await w.joined(0);
  const outcomes = [w.client.command('reveal', { round: 3 }), w.client.command('reveal'), w.client.publish('e', 1)].map(outcome);
  assert.deepEqual(s.take().map((m) => [m.command ?? m.event, m.ref, m.data]), [['reveal', 1, { round: 3 }], ['reveal', 2, null], ['e', 3, 1]]);
  s.say(refusal(2, 'stale_round'));
  s.say({ type: 'ack', ref: 1, offset: 140 });
  s.say({ type: 'ack', ref: 1, offset: 141 });
  s.say({ type: 'ack', ref: 99, offset: 141 });
  await settle();
  assert.deepEqual(outcomes.map((o) => o.now), [140, 'stale_round', 'pending']);
});

test('what is asked for without a connection is kept, in order', async () => {
  const w = start();
  for (let i = 0; i < 3; i++) w.client.publish('e', i);
  const s = await w.joined(0);
  w.client.publish('e', 3);
  assert.deepEqual(s.take().map((m) => [m.ref, m.data]), [[1, 0], [2, 1], [3, 2], [4, 3]]);
});

test('sent again after a welcome, except what took effect', async () => {
  const w = start();
  let s = await w.joined(0);
  const outcomes = [1, 2, 3, 4].map((i) => outcome(w.client.publish('e', i)));
  s.echo(1, w.ref(1));
  s.end();
  outcomes.push(outcome(w.client.publish('e', 5)));
  await w.clock.pass(5000);
  s = await w.joined(1, { resumed: true, acked: 2 });
  assert.deepEqual(s.take().map((m) => [m.ref, m.data]), [[3, 3], [4, 4], [5, 5]]);
  s.echo(2, w.ref(2));
  s.echo(3, w.ref(3));
  s.say({ type: 'ack', ref: 5, offset: 5 });
  await settle();
  assert.deepEqual(outcomes.map((o) => o.now), [1, 2, 3, 'pending', 5]);
});

test('what an app asks for in a callback of the welcome goes behind what is sent again', async () => {
  const w = start({ onState: () => w.client.publish('e', 'from the callback') });
  let s = await w.joined(0);
  assert.deepEqual(refs(s), [1]);
  s.end();
  await w.clock.pass(5000);
  s = await w.joined(0);
  assert.deepEqual(refs(s), [1, 2]);
});

test('a lost answer', async (t) => {
  const cases = {
    'the event is replayed': { welcome: { resumed: true, acked: 2 }, then: (s, w) => { s.echo(1, w.ref(1)); s.echo(2, w.ref(2)); }, want: [1, 2] },
    'a replay without the first': { welcome: { resumed: true, acked: 2 }, then: (s, w) => s.echo(1, w.ref(2)), want: ['outcome_lost', 1] },
    'a replay without both': { welcome: { resumed: true, acked: 2 }, then: (s) => [1, 2].map((at) => s.say({ type: 'heartbeat', at })), want: ['outcome_lost', 0] },
    'a later one settles': { welcome: { resumed: true, acked: 1 }, then: (s, w) => s.echo(1, w.ref(2)), want: [0, 1] },
    'one is recognised, and its event may yet come': { welcome: { resumed: true, acked: 0 }, then: (s) => s.say({ type: 'ack', ref: 2, offset: 7 }), want: ['pending', 'pending'] },
    'the last one is recognised, and its event comes': { welcome: { resumed: true, acked: 0 }, want: [0, 3],
      then: (s, w) => { s.frame(1, 2); for (const ref of [1, 2]) s.say({ type: 'ack', ref, offset: 3 }); s.echo(3, w.ref(2)); } },
    'one below is recognised, and its event comes': { welcome: { resumed: true, acked: 0 }, want: [1, 'pending'],
      then: (s, w) => { s.say({ type: 'ack', ref: 1, offset: 2 }); s.echo(1, w.ref(1)); s.frame(2); } },
    'one below is recognised, and its event never came': { welcome: { resumed: true, acked: 0 }, want: [0, 'pending'],
      then: (s) => { s.say({ type: 'ack', ref: 1, offset: 2 }); s.frame(1, 2); } },
    'one below is recognised, and its event would have come': { welcome: { resumed: true, acked: 0 }, want: [0, 'pending'],
      then: (s) => { s.frame(1, 2); s.say({ type: 'ack', ref: 1, offset: 2 }); } },
    'a replay that is under way': { welcome: { resumed: true, acked: 2 }, then: (s) => s.say({ type: 'heartbeat', at: 1 }), want: ['pending', 'pending'] },
    'a snapshot': { welcome: { acked: 2 }, then: () => {}, want: ['outcome_lost', 0] },
    'a state': { welcome: { resumed: true, acked: 2 }, want: ['outcome_lost', 0],
      then: (s) => s.say({ type: 'state', session: { id: 's', kind: 'k', epoch: 'e', offset: 9 }, members: [], state: null, reason: 'lagged' }) },
    'a past that is gone': { welcome: { acked: 0, session: { epoch: 'f' } }, then: (s, w) => s.echo(1, w.ref(1)), want: [1, 'pending'] },
  };
  for (const [name, c] of Object.entries(cases)) {
    await t.test(name, async () => {
      const w = start();
      let s = await w.joined(0);
      const outcomes = [outcome(w.client.publish('e', 1)), outcome(w.client.publish('e', 2))];
      s.end();
      await w.clock.pass(5000);
      s = await w.joined(0, c.welcome);
      c.then(s, w);
      await settle();
      assert.deepEqual(outcomes.map((o) => o.now), c.want);
    });
  }
});

test('an answer that is lost twice', async () => {
  const w = start();
  let s = await w.joined(0);
  const outcomes = [outcome(w.client.publish('e', 1)), outcome(w.client.publish('e', 2))];
  s.end();
  await w.clock.pass(5000);
  s = await w.joined(0, { resumed: true, acked: 2 });
  s.end();
  await w.clock.pass(5000);
  await w.joined(0, { acked: 0, session: { epoch: 'f' } }); // and then the past was gone
  await settle();
  assert.deepEqual(outcomes.map((o) => o.now), ['outcome_lost', 0]);
});

test('a command that took effect has no event to wait for', async () => {
  const w = start();
  let s = await w.joined(0);
  const o = outcome(w.client.command('c'));
  s.end();
  await w.clock.pass(5000);
  s = await w.joined(0, { resumed: true, acked: 1 });
  await settle();
  assert.equal(o.now, 0);
  assert.deepEqual(s.take(), []);
});

test('commands whose answers were lost', async (t) => {
  const cases = {
    'are waited for while they may be replayed': { then: (s, w) => w.clock.pass(2900), want: ['pending', 0] },
    'are not waited for much longer': { then: (s, w) => w.clock.pass(3000), want: ['outcome_lost', 0] },
    'took effect, if their event comes': { then: (s, w) => s.echo(1, w.ref(1)), want: [1, 0] },
    'and the log is known to be past them': { want: ['outcome_lost', 0],
      then: (s, w) => { w.client.command('c'); s.say({ type: 'ack', ref: 3, offset: 2 }); s.frame(1, 2); } },
    'and the log is not yet past them': { want: ['pending', 0],
      then: (s, w) => { w.client.command('c'); s.say({ type: 'ack', ref: 3, offset: 2 }); s.frame(1); } },
  };
  for (const [name, c] of Object.entries(cases)) {
    await t.test(name, async () => {
      const w = start();
      let s = await w.joined(0);
      const outcomes = [outcome(w.client.command('c')), outcome(w.client.command('c'))];
      s.end();
      await w.clock.pass(5000);
      s = await w.joined(0, { resumed: true, acked: 2 });
      await c.then(s, w);
      await settle();
      assert.deepEqual(outcomes.map((o) => o.now), c.want);
    });
  }
});

test('what is refused for the moment is sent again, under a new ref, in its place', async () => {
  const w = start();
  const s = await w.joined(0);
  const outcomes = [1, 2, 3].map((i) => outcome(w.client.publish('e', i)));
  assert.deepEqual(refs(s), [1, 2, 3]);
  s.say(refusal(2, 'slow_down', { retry: true, after: 500 }));
  s.say(refusal(3, 'slow_down', { retry: true, after: 500 }));
  outcomes.push(outcome(w.client.publish('e', 4)));
  await w.clock.pass(499);
  assert.deepEqual(s.take(), []);
  await w.clock.pass(1);
  assert.deepEqual(s.take().map((m) => [m.ref, m.data]), [[4, 2], [5, 3], [6, 4]]);
  s.echo(1, w.ref(4));
  await settle();
  assert.deepEqual(outcomes.map((o) => o.now), ['pending', 1, 'pending', 'pending']);
});

test('a refusal for the moment, where the app decides', async () => {
  const w = start({ retry: false });
  const s = await w.joined(0);
  const outcomes = [outcome(w.client.publish('e')), outcome(w.client.publish('e', 1, { retry: true }))];
  for (const ref of [1, 2]) s.say(refusal(ref, 'unavailable', { retry: true, after: 200 }));
  await w.clock.pass(200);
  assert.deepEqual(outcomes.map((o) => o.now), ['unavailable', 'pending']);
  assert.deepEqual(refs(s), [1, 2, 3]);
});

test('one that a later one has overtaken is sent again, whatever the app says', async () => {
  const w = start({ retry: false });
  let s = await w.joined(0);
  const outcomes = [outcome(w.client.publish('e', 1)), outcome(w.client.publish('e', 2))];
  s.end();
  await w.clock.pass(5000);
  s = await w.joined(0, { resumed: true });
  s.say(refusal(1, 'ref_not_rising', { retry: true }));
  s.echo(1, w.ref(2));
  await w.clock.pass(100);
  assert.deepEqual(refs(s), [1, 2, 3]);
  s.echo(2, w.ref(3));
  await settle();
  assert.deepEqual(outcomes.map((o) => o.now), [2, 1]);
});

test('no more fly at once than a gateway takes', async () => {
  const w = start();
  for (let i = 1; i <= 50; i++) w.client.publish('e', i);
  const s = await w.joined(0);
  const sent = refs(s);
  assert.equal(sent.length, 16);
  for (let ref = 1; ref <= 50; ref++) {
    s.echo(ref, w.ref(ref));
    sent.push(...refs(s));
    await settle();
  }
  assert.deepEqual(sent, Array.from({ length: 50 }, (_, i) => i + 1));
  assert.equal(w.client.pending, 0);
});

test('the gateway asks for a pause', async () => {
  const w = start();
  const s = await w.joined(0);
  s.say({ type: 'error', code: 'slow_down', message: 'no', retry: true, after: 300 });
  w.client.publish('e');
  assert.deepEqual(s.take(), []);
  await w.clock.pass(300);
  assert.deepEqual(refs(s), [1]);
  assert.ok(w.told().includes('error slow_down'));
});

test('too big, and too many', async () => {
  const w = start({ outbox: 20 });
  const big = Array.from({ length: 18 }, () => outcome(w.client.publish('e', '键'.repeat(40))));
  const outcomes = [outcome(w.client.publish('e', 'x'.repeat(40))), outcome(w.client.publish('e')), outcome(w.client.publish('e'))];
  const s = await w.joined(0, { limits: { message: 120, backlog: 1 } });
  await settle();
  assert.deepEqual(new Set(big.map((o) => o.now)), new Set(['too_big']));
  assert.deepEqual(outcomes.map((o) => o.now), ['pending', 'pending', 'outbox_full']);
  assert.deepEqual(refs(s), [19, 20]);
});

test('what cannot be encoded is refused', async () => {
  const w = start();
  const loop = {};
  loop.loop = loop;
  await assert.rejects(w.client.publish('e', loop), TypeError);
  assert.equal(w.client.pending, 0);
});

const state = { type: 'state', session: { id: 's', kind: 'k', epoch: 'f', offset: 5 }, members: [], state: null, reason: 'reset' };

test('a state in place: answers that come after all', async () => {
  const w = start();
  const s = await w.joined(0);
  const outcomes = [1, 2, 3].map((i) => outcome(w.client.publish('e', i, { retry: true })));
  s.say(state);
  s.say({ type: 'ack', ref: 1, offset: 6 });
  s.echo(6, w.ref(2));
  s.say(refusal(3, 'unavailable', { retry: true, after: 0 }));
  await w.clock.pass(3000);
  await w.idle();
  assert.deepEqual(outcomes.map((o) => o.now), [6, 6, 'pending']);
  assert.deepEqual(refs(s), [1, 2, 3, 4]);
});

test('a state in place: answers that stay away are told by a snapshot', async (t) => {
  for (const lost of [false, true]) {
    await t.test(lost ? 'the connection is lost before' : 'the connection is renewed', async () => {
      const w = start();
      const s = await w.joined(0);
      const outcomes = [1, 2, 3].map((i) => outcome(w.client.publish('e', i)));
      s.say(state); // with what the second did
      if (lost) s.end();
      await w.clock.pass(2000);
      const next = await w.next();
      assert.equal(next.accept().since, undefined); // its event would be in no replay
      if (!lost) s.frame(6, 7); // meanwhile
      next.welcome(6, { acked: 2, session: { epoch: 'f' } });
      assert.equal(s.readyState, 3);
      assert.deepEqual(refs(next), [3]);
      next.frame(7);
      next.echo(8, w.ref(3));
      await settle();
      assert.deepEqual(outcomes.map((o) => o.now), ['outcome_lost', 0, 8]);
      const seen = w.told().filter((told) => /events|snapshot|reset/.test(told));
      assert.deepEqual(seen, ['snapshot e/0', 'reset f/5', ...(lost ? ['snapshot f/6', 'events 7'] : ['events 6 7']), 'events 8']);
      next.end();
      await w.clock.pass(5000);
      assert.deepEqual((await w.next()).accept().since, { epoch: 'f', offset: 8 }); // no doubt is left
    });
  }
});

test('leave, when all is settled', async () => {
  const kept = new Map([['s', 'secret']]);
  const w = start({ seats: { get: (s) => kept.get(s), set: (s, v) => kept.set(s, v), remove: (s) => kept.delete(s) } });
  const s = await w.joined(0);
  const published = outcome(w.client.publish('e'));
  const left = outcome(w.client.leave());
  const late = outcome(w.client.publish('e'));
  assert.deepEqual(s.take().map((m) => m.type), ['publish']);
  s.echo(1, w.ref(1));
  await settle();
  assert.deepEqual(s.take().map((m) => m.type), ['leave']);
  assert.equal(left.now, 'pending');
  s.end(1000);
  await settle();
  assert.deepEqual([published.now, left.now, late.now, w.client.phase, w.status.error], [1, undefined, 'closed', 'closed', undefined]);
  assert.equal(kept.size, 0);
});

test('a leave whose answer is lost', async () => {
  const w = start();
  let s = await w.joined(0);
  const left = outcome(w.client.leave());
  s.end();
  await w.clock.pass(5000);
  s = await w.joined(0, { resumed: true });
  assert.deepEqual(s.take().map((m) => m.type), ['leave']);
  s.end();
  await w.clock.pass(5000);
  s = await w.next();
  s.accept();
  s.say({ type: 'error', code: 'seat_unknown', message: 'gone', retry: false, after: 0 });
  s.end(4508);
  await settle();
  assert.equal(left.now, undefined);
});

test('close settles everything, and nothing goes on', async () => {
  const signals = [];
  const page = new FakePage();
  const listen = page.addEventListener;
  page.addEventListener = (type, f, options) => {
    signals.push(options.signal);
    listen.call(page, type, f, options);
  };
  const w = start({ page });
  const s = await w.joined(0);
  const outcomes = [outcome(w.client.publish('e')), outcome(w.client.leave())];
  w.client.close();
  assert.ok(signals.length > 0 && signals.every((signal) => signal.aborted));
  w.client.close();
  outcomes.push(outcome(w.client.publish('e')), outcome(w.client.leave()));
  page.tell('online');
  w.client.wake(true);
  await w.clock.pass(100_000);
  await w.idle();
  assert.deepEqual(outcomes.map((o) => o.now), ['closed', 'closed', 'closed', 'closed']);
  assert.equal(w.clock.timers.size, 0);
  assert.equal(s.readyState, 3);
  assert.deepEqual(w.told().slice(2), ['closed']);
});
