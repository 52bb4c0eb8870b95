import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from './fake.js';

test('ephemeral events', async () => {
  const w = start();
  assert.equal(w.client.ephemeral('cursor', 1), false);
  const s = await w.joined(0, { limits: { message: 100, backlog: 1 } });
  assert.equal(w.client.ephemeral('wave'), true);
  for (let x = 0; x < 10; x++) w.client.ephemeral('cursor', { x }, 'c');
  w.client.ephemeral('cursor', { y: 1 }, 'd');
  const data = () => s.take().map((m) => [m.event, m.key, m.ephemeral, m.ref, m.data]);
  assert.deepEqual(data(), [['wave', undefined, true, undefined, null], ['cursor', 'c', true, undefined, { x: 0 }], ['cursor', 'd', true, undefined, { y: 1 }]]);
  await w.clock.pass(100);
  assert.deepEqual(data(), [['cursor', 'c', true, undefined, { x: 9 }]]);
  await w.clock.pass(1000);
  assert.deepEqual(data(), []);
  assert.equal(w.client.ephemeral('cursor', 'x'.repeat(100)), false);
  s.end();
  assert.equal(w.client.ephemeral('cursor', 1), false);
});

test('ephemeral events wait while the gateway asks for a pause', async () => {
  const w = start();
  const s = await w.joined(0);
  const sent = () => s.take('publish').map((m) => m.data);
  s.say({ type: 'error', code: 'slow_down', message: 'too fast', retry: true, after: 450 });
  assert.equal(w.client.ephemeral('wave', 0), false);
  for (let i = 1; i <= 3; i++) {
    assert.equal(w.client.ephemeral('cursor', i, 'cursor'), true);
    await w.clock.pass(100);
  }
  assert.deepEqual(sent(), []);
  w.client.publish('e', 'kept');
  await w.clock.pass(200);
  assert.deepEqual(sent(), ['kept', 3]);
  assert.equal(w.client.ephemeral('wave', 4), true);
});

test('half a character is refused here, and the connection stays', async () => {
  const w = start();
  const s = await w.joined(0);
  const half = 'party 🎉'.slice(0, 7);
  await assert.rejects(w.client.publish('e', { text: half }), { code: 'malformed' });
  await assert.rejects(w.client.command('c', [`\\${half}`]), { code: 'malformed' });
  assert.throws(() => w.client.ephemeral('e', half), { code: 'malformed' });
  w.client.publish('e', ['🎉', '\\ud83c', '\u0007']); // whole ones, and what only looks like half
  assert.deepEqual(s.take().map((m) => [m.ref, m.data]), [[1, ['🎉', '\\ud83c', '\u0007']]]);
});
