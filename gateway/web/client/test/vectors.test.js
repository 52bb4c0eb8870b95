import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LEAVE, decode, encodeHeartbeat, encodeJoin, encodeRequest, parseWait, reconnects } from '../protocol.js';

// The same file that the gateway's own codec is tested against.
const vectors = JSON.parse(readFileSync(new URL('../../../../pkg/wire/testdata/vectors.json', import.meta.url), 'utf8'));

function encode({ type, event, command, data, ...rest }) {
  switch (type) {
    case 'join': return encodeJoin({ accept: undefined, ...rest });
    case 'publish': return encodeRequest(type, event, JSON.stringify(data), rest);
    case 'command': return encodeRequest(type, command, JSON.stringify(data), rest);
    case 'heartbeat': return encodeHeartbeat(rest.at, rest.offset);
    case 'leave': return LEAVE;
  }
}

/** What is left of a value when only the members of a model are looked at. */
function known(value, model) {
  if (Array.isArray(model)) return value.map((v, i) => known(v, model[i]));
  if (model === null || typeof model !== 'object') return value;
  return Object.fromEntries(Object.keys(model).filter((k) => k in value).map((k) => [k, known(value[k], model[k])]));
}

test('messages of a client', () => {
  let count = 0;
  for (const v of vectors.client.filter((v) => v.encode)) {
    assert.deepEqual(JSON.parse(encode(v.message)), JSON.parse(v.text), v.name);
    count++;
  }
  assert.ok(count >= 8);
});

test('messages of a gateway', () => {
  for (const v of vectors.server) {
    if (v.malformed) assert.throws(() => decode(v.text), v.name);
    else assert.deepEqual(known(decode(v.text), v.message), v.message, v.name);
  }
});

test('close codes', () => {
  for (const v of vectors.close) assert.equal(reconnects(v.code), v.reconnect, `${v.code}`);
});

test('waits in close reasons', () => {
  for (const v of vectors.wait) assert.equal(parseWait(v.reason), v.ms, v.reason);
});
