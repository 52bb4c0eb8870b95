import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csv, fileName, json, roundsCSV, storiesCSV } from '../model/export.js';
import { fromState } from '../model/meeting.js';
import { results, snapshot } from './fixture.js';

/** Reads CSV as RFC 4180 writes it. */
function read(text) {
  assert.equal(text[0], '\uFEFF');
  const rows = [];
  let row = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  cell.lastIndex = 1;
  for (let m; cell.lastIndex < text.length && (m = cell.exec(text)); ) {
    row.push(m[1] === undefined ? m[2] : m[1].replaceAll('""', '"'));
    if (m[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  assert.equal(row.length, 0, 'every line ends');
  return rows;
}

test('quotes, commas and lines survive', () => {
  const rows = [['a "b"', 'c, d', 'e\r\nf', '', 'plain', 5, -1.5, null, undefined]];
  assert.deepEqual(read(csv(rows)), [['a "b"', 'c, d', 'e\r\nf', '', 'plain', '5', '-1.5', '', '']]);
});

test('nothing begins as a formula does', () => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\n=1', '＝1', '"=1"']) {
    const [[got]] = read(csv([[text]]));
    assert.ok(!/^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(got), `${JSON.stringify(text)} became ${JSON.stringify(got)}`);
    assert.ok(got.endsWith(text), 'and nothing is lost');
  }
});

const meeting = () => {
  const m = fromState(snapshot());
  const past = { ...m.round, voted: undefined, revealed: 2000, ended: 3000, votes: { m_a: '3', m_gone: '8' }, changed: { m_a: '5' }, results: results(), estimate: '5' };
  return {
    ...m, names: { m_gone: '=Zoe' },
    history: [past, { ...m.round, round: 2, ended: 4000, voted: ['m_b'] }, { ...past, round: 3, anonymous: true, votes: undefined, changed: undefined }],
    round: { ...m.round, round: 4, voted: ['m_a'] }, you: { card: 'hidden-card' },
  };
};

test('a line for each vote, with times; a hidden card is in no export', () => {
  const [head, ...rows] = read(roundsCSV(meeting()));
  const of = (i) => Object.fromEntries(head.map((name, k) => [name, rows[i][k]]));
  assert.equal(rows.length, 2 + 1 + 2);
  assert.deepEqual([of(0).member, of(0).card, of(0)['first card'], of(0).estimate, of(0).revealed], ['Ana', '3', '5', '5', '1970-01-01T00:00:02.000Z']);
  assert.equal(of(1).member, "'=Zoe");
  assert.deepEqual([of(2).member, of(2).card, of(2).revealed], ['Bo', '', '']);
  assert.deepEqual([of(3).member, of(3).card, of(3).votes], ['', '3', '1']);
  assert.ok(rows.every((r) => r.length === head.length));
  for (const text of [roundsCSV(meeting()), json(meeting(), 's', 0)]) assert.ok(!text.includes('hidden-card'), 'the own hidden card');
});

test('the JSON has all rounds', () => {
  const all = JSON.parse(json(meeting(), 'team', 0));
  assert.deepEqual(all.rounds.map((r) => r.round), [1, 2, 3]);
  assert.equal(all.names.m_gone, '=Zoe');
  assert.equal(all.session, 'team');
  const m = meeting();
  const now = { ...m, round: { ...m.round, revealed: 5, votes: {}, results: results() } };
  assert.equal(JSON.parse(json(now, 'team', 0)).rounds.length, 4, 'and the current one, once it is revealed');
});

test('stories are written as the import reads them', () => {
  const m = meeting();
  m.stories[0].estimate = { value: '0.5', round: 1 };
  assert.deepEqual(read(storiesCSV(m)), [['title', 'link', 'estimate'], ['Login', '', '½'], ['Export', 'https://x.example/2', ''], ['Search', '', '']]);
});

test('a file has a name for every system', () => assert.equal(fileName('a-b', 'rounds', 'csv', 0), 'plenum-a-b-rounds-1970-01-01.csv'));
