import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, applyPrivate, fromState } from '../model/meeting.js';
import { ownCard } from '../model/people.js';
import { event, results, snapshot } from './fixture.js';

const after = (...events) => events.reduce((m, [name, data]) => apply(m, event(name, data)), fromState(snapshot()));
const revealed = ['round.revealed', { round: 1, revealed: 2000, votes: { m_a: '3', m_b: '8' }, results: results() }];
const second = ['round.started', { round: 2, story: null, title: '', started: 3000, anonymous: false, reason: 'start' }];

test('votes are told in the order in which they came, and taken back', () => {
  const m = after(['vote.state', { member: 'm_b', voted: true }], ['vote.state', { member: 'm_a', voted: true }]);
  assert.deepEqual(m.round.voted, ['m_b', 'm_a']);
  assert.deepEqual(apply(m, event('vote.state', { member: 'm_b', voted: false })).round.voted, ['m_a']);
});

const voted = (voted, member = 'm_a') => event('vote.state', { member, voted });
const told = (m, card, round = 1) => applyPrivate(m, { event: 'your_vote', data: { round, card } });
const own = (m) => ownCard(m, 'm_a', null);

test('the own card is gone when it was taken back, whoever else votes', () => {
  let m = told(apply(after(), voted(true)), '5');
  assert.equal(own(m), '5');
  m = apply(m, voted(true, 'm_b'));
  assert.equal(own(m), '5');
  assert.equal(own(apply(m, voted(false))), null);
  assert.equal(own(told(m, null)), null);
});

test('a card that was taken back and laid again before the frame came is there', () => {
  let m = told(apply(after(), voted(true)), '5');
  m = told(told(m, null), '8');
  m = apply(m, voted(false));
  assert.equal(own(m), null);
  assert.equal(own(apply(m, voted(true))), '8');
});

test('a card that is told before its round begins is there, one of an old round is not', () => {
  let m = told(apply(told(after(), '5', 2), event(...second)), '3', 1);
  assert.equal(own(m), null);
  assert.equal(own(apply(m, voted(true))), '5');
  m = apply(m, event('round.started', { ...second[1], round: 3 }));
  assert.equal(own(apply(m, voted(true))), null);
});

test('of a state the own card is that of its round', () => {
  const m = fromState({ state: { ...snapshot().state, you: { card: '5' } }, members: [] });
  assert.equal(own(apply(m, voted(true))), '5');
  assert.equal(own(apply(apply(m, event(...second)), voted(true))), null);
});

test('the reveal brings votes, results and names, and takes away who voted', () => {
  const m = after(['vote.state', { member: 'm_a', voted: true }], ['countdown.started', { round: 1, token: 1, at: 1, ms: 1 }], revealed);
  assert.equal(m.phase, 'revealed');
  assert.deepEqual(m.round.votes, { m_a: '3', m_b: '8' });
  assert.deepEqual(m.names, { m_a: 'Ana', m_b: 'Bo' });
  assert.ok(!('voted' in m.round) && !('countdown' in m.round));
});

test('an anonymous reveal has no votes', () => {
  const m = after(['round.revealed', { round: 1, revealed: 2000, results: results() }]);
  assert.ok(!('votes' in m.round));
  assert.deepEqual(m.names, {});
});

test('a late change keeps the first card', () => {
  let m = after(revealed, ['vote.changed', { round: 1, member: 'm_a', card: '5', first: '3', results: results() }]);
  m = apply(m, event('vote.changed', { round: 1, member: 'm_a', card: '8', first: '5', results: results() }));
  assert.deepEqual(m.round.changed, { m_a: '3' });
  assert.equal(m.round.votes.m_a, '8');
});

test('a round leaves itself in the history, unless nobody voted', () => {
  assert.deepEqual(after(second).history, []);
  const m = after(revealed, second);
  assert.equal(m.history.length, 1);
  assert.equal(m.history[0].ended, 3000);
  assert.deepEqual(m.round, { round: 2, story: null, title: '', started: 3000, anonymous: false, voted: [] });
  assert.equal(m.phase, 'voting');
  const hidden = after(['vote.state', { member: 'm_a', voted: true }], second);
  assert.deepEqual(hidden.history[0].voted, ['m_a']);
});

test('an estimate goes to its round, current or past, and its story, and can be taken away', () => {
  let m = after(revealed, ['estimate.set', { value: '5', round: 1, story: 's1' }]);
  assert.equal(m.round.estimate, '5');
  assert.deepEqual(m.stories[0].estimate, { value: '5', round: 1 });
  m = apply(m, event(...second));
  m = apply(m, event('estimate.set', { value: '8', round: 1, story: 's1' }));
  assert.equal(m.history[0].estimate, '8');
  m = apply(m, event('estimate.set', { value: '', round: 1, story: 's1' }));
  assert.ok(!('estimate' in m.history[0]) && !('estimate' in m.stories[0]));
});

test('stories come, change, move and go', () => {
  const ids = (m) => m.stories.map((s) => s.id).join('');
  let m = after(['stories.added', { stories: [{ id: 'x', title: 'X' }], before: 's2' }]);
  assert.equal(ids(m), 's1xs2s3');
  m = apply(m, event('story.moved', { story: 'x' }));
  assert.equal(ids(m), 's1s2s3x');
  m = apply(m, event('story.moved', { story: 's3', before: 's1' }));
  assert.equal(ids(m), 's3s1s2x');
  m = apply(m, event('story.edited', { story: { id: 's1', title: 'Sign in' } }));
  assert.equal(m.round.title, 'Sign in');
  m = apply(m, event('story.edited', { story: { id: 's2', title: 'PDF' } }));
  assert.ok(!('link' in m.stories.find((s) => s.id === 's2')));
  assert.equal(ids(apply(m, event('story.removed', { story: 's3' }))), 's1s2x');
});

test('members come, change and go, with their hidden vote', () => {
  let m = after(['member.joined', { member: 'm_d', name: 'Di', status: 'online', role: 'voter' }], ['vote.state', { member: 'm_d', voted: true }]);
  m = apply(m, event('member.changed', { member: 'm_d', status: 'offline' }));
  assert.equal(m.members.at(-1).status, 'offline');
  m = apply(m, event('member.left', { member: 'm_d', reason: 'left' }));
  assert.equal(m.members.length, 3);
  assert.deepEqual(m.round.voted, []);
});

test('closing keeps the round, and reopening begins another', () => {
  let m = after(revealed, ['session.closed', { ended: 5000, summary: { rounds: 1 } }]);
  assert.equal(m.phase, 'closed');
  assert.equal(m.round, null);
  assert.equal(m.history[0].ended, 5000);
  m = apply(m, event(...second));
  assert.equal(m.phase, 'voting');
  assert.equal(m.history.length, 1);
});

test('older rounds are put before those that are known, each once', () => {
  let m = after(revealed, second);
  m = applyPrivate({ ...m, older: 3 }, { event: 'rounds', data: { rounds: [{ round: -1 }, { round: 0 }, { round: 1 }], older: 1 } });
  assert.deepEqual(m.history.map((r) => r.round), [-1, 0, 1]);
  assert.equal(m.older, 1);
});

test('earlier rounds do not go before a history that others are missing in between', () => {
  const m = { ...after(revealed, second), older: 9 };
  assert.equal(applyPrivate(m, { event: 'rounds', data: { rounds: [{ round: -6 }, { round: -5 }], older: 2 } }), m);
});

test('what is not known changes nothing', () => {
  const m = fromState(snapshot());
  assert.equal(apply(m, event('chat.message', { text: 'hi' })), m);
});
