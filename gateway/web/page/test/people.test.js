import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromState } from '../model/meeting.js';
import { claimIn, isFacilitator, may, nextStory, ownCard, progress, seats, sorted, step } from '../model/people.js';
import { columns, placeIn, total } from '../model/results.js';
import { results, snapshot } from './fixture.js';

const meeting = (more = {}, round = {}) => {
  const m = fromState(snapshot());
  return { ...m, ...more, round: { ...m.round, ...round } };
};
const revealed = (r = {}) => meeting({ phase: 'revealed' }, { voted: undefined, revealed: 1, votes: { m_a: '3', m_b: '8' }, results: results(r) });

test('spectators are not waited for, and neither is who has been away for long', () => {
  const m = meeting({}, { voted: ['m_a'] });
  assert.deepEqual({ ...progress(seats(m, 'm_a')), missing: [] }, { voted: 1, voters: 2, missing: [] });
  assert.deepEqual(progress(seats(m, 'm_a')).missing.map((s) => s.name), ['Bo']);
  m.members[1].status = 'reconnecting';
  assert.equal(progress(seats(m, 'm_a')).voters, 2, 'a grace is waited for');
  m.members[1].status = 'offline';
  assert.equal(progress(seats(m, 'm_a')).voters, 1);
});

test('a click that is on its way counts, for oneself', () => {
  const m = meeting();
  assert.equal(ownCard(m, 'm_a', { round: 1, card: '5' }), '5');
  assert.equal(ownCard(m, 'm_a', { round: 9, card: '5' }), null, 'of another round it does not');
  assert.equal(progress(seats(m, 'm_a', { round: 1, card: '5' })).voted, 1);
  assert.equal(progress(seats(meeting({}, { voted: ['m_a'] }), 'm_a', { round: 1, card: null })).voted, 0);
});

test('a card is shown only while it is on the table', () => {
  assert.equal(ownCard(meeting({ you: { round: 1, card: '5' } }), 'm_a', null), null);
  assert.equal(ownCard(meeting({ you: { round: 1, card: '5' } }, { voted: ['m_a'] }), 'm_a', null), '5');
  assert.equal(ownCard(revealed(), 'm_a', null), '3');
});

test('the button names the next step', () => {
  const at = (m) => step(m, progress(seats(m, 'm_a')));
  assert.equal(at(meeting()), 'wait');
  assert.equal(at(meeting({}, { voted: ['m_a'] })), 'force');
  assert.equal(at(meeting({}, { voted: ['m_a', 'm_b'] })), 'reveal');
  assert.equal(at(meeting({}, { voted: ['m_a', 'm_b'], countdown: { token: 1, at: 1, ms: 1 } })), 'countdown');
  assert.equal(at(revealed()), 'revote');
  assert.equal(at(revealed({ level: 'consensus' })), 'next');
  const saved = revealed();
  saved.round.estimate = '5';
  assert.equal(at(saved), 'next');
  assert.equal(step({ ...meeting(), phase: 'closed', round: null }, { voted: 0, missing: [] }), 'closed');
});

test('policies name who may', () => {
  const m = meeting({ acting: 'm_b' });
  assert.ok(may(m, 'm_c', 'everyone') && !may(m, 'm_c', 'facilitators'));
  assert.ok(may(m, 'm_b', 'facilitators') && isFacilitator(m, 'm_b') && !may(m, 'm_b', 'owner'));
  assert.ok(may(m, 'm_a', 'owner'));
  assert.ok(!may(m, '', 'everyone'), 'who only looks may nothing');
});

test('the next story has no estimate; behind the last it begins from the front', () => {
  const m = meeting();
  assert.equal(nextStory(m).id, 's2');
  m.stories[1].estimate = { value: '5', round: 1 };
  assert.equal(nextStory(m).id, 's3');
  assert.equal(nextStory(meeting({}, { story: 's3' })).id, 's1');
  assert.equal(nextStory(meeting({ stories: [] }, { story: null })), undefined);
});

test('in a large meeting those come first whom the others wait for, and after the reveal the cards are in order', () => {
  const m = meeting({}, { voted: ['m_a'] });
  assert.deepEqual(sorted(seats(m, 'm_a'), placeIn(m.deck)).map((s) => s.name), ['Bo', 'Ana', 'Cy']);
  const r = revealed();
  r.round.votes = { m_a: '13', m_b: '8' };
  assert.deepEqual(sorted(seats(r, 'm_a'), placeIn(r.deck)).map((s) => s.name), ['Bo', 'Ana', 'Cy']);
});

test('lowest and highest are marked on their seats, unless all are equal', () => {
  assert.deepEqual(seats(revealed(), 'm_a').map((s) => s.edge), ['low', 'high', undefined]);
  const same = { card: '5' };
  assert.deepEqual(seats(revealed({ lowest: same, highest: same }), 'm_a').map((s) => s.edge), [undefined, undefined, undefined]);
});

test('a voter may take over after a minute, and no facilitator has to', () => {
  const m = meeting({ absent: 1000 });
  assert.equal(claimIn(m, 'm_b', 31_000), 30_000);
  assert.equal(claimIn(m, 'm_b', 99_000), 0);
  assert.equal(claimIn(m, 'm_c', 99_000), undefined, 'a spectator');
  assert.equal(claimIn(m, 'm_a', 99_000), undefined, 'a facilitator');
  assert.equal(claimIn(meeting(), 'm_b', 99_000), undefined, 'somebody is here');
});

test('columns keep the gaps, and put behind what does not count', () => {
  const m = revealed({ counts: { 3: 1, 13: 1, '?': 2 }, lowest: { card: '3', members: ['m_a'] }, highest: { card: '13', members: ['m_b'] }, modes: ['3'],
    outliers: [{ card: '13', members: ['m_b'] }] });
  const list = columns(m.deck, m.round);
  assert.deepEqual(list.map((c) => `${c.label}:${c.count}`), ['3:1', '5:0', '8:0', '13:1', '?:2']);
  assert.deepEqual(list.map((c) => c.ranked), [true, true, true, true, false]);
  assert.ok(list[0].low && list[0].top && list[3].high && list[3].outlier && !list[1].top);
  assert.deepEqual(list[0].people, [{ id: 'm_a', first: undefined }]);
});

test('columns of another deck come by their numbers', () => {
  const m = revealed({ counts: { 40: 1, 20: 1 }, lowest: { card: '20' }, highest: { card: '40' }, modes: [] });
  assert.deepEqual(columns(m.deck, m.round).map((c) => c.card), ['20', '40']);
});

test('the sum takes the estimates that are numbers', () => {
  const story = (value) => ({ id: value, title: '', estimate: { value, round: 0 } });
  assert.deepEqual(total([story('5'), story('0.5'), story('½'), story('XL'), { id: 'x', title: '' }]), { estimated: 4, sum: 6 });
  assert.deepEqual(total([story('XL')]), { estimated: 1, sum: undefined });
});
