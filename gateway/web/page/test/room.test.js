import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCard } from '../model/people.js';
import { event, results, snapshot } from './fixture.js';

const storage = { getItem: () => null, setItem() {}, removeItem() {} };
Object.assign(globalThis, {
  localStorage: storage, document: { documentElement: { dataset: {} } }, matchMedia: () => ({ matches: false, addEventListener() {} }),
});
Object.defineProperty(globalThis, 'navigator', { value: { languages: ['en'] }, configurable: true });
const { MeetingRoom } = await import('../app/meeting.js');
const { notices, question } = await import('../app/notices.js');

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A visit whose answers the test gives: asked has the commands that are on their way. */
function meeting(change = {}) {
  notices.value = [];
  const visit = {
    session: 's', offset: 5, over: false, content: undefined, asked: [],
    draw: (content) => (visit.content = content),
    command: (command, data, options) =>
      new Promise((resolve, reject) => visit.asked.push({ command, data, options, resolve, refuse: (code, more) => reject({ code, message: '', retry: false, after: 0, ...more }) })),
  };
  const room = new MeetingRoom(visit);
  const { state, members } = snapshot();
  room.state({ state: { ...state, ...change }, members }, 'm_a');
  return {
    room, visit,
    get card() {
      return ownCard(room.meeting, 'm_a', visit.content.pick);
    },
    next: () => visit.asked.shift(),
    told: (card) => room.note({ event: 'your_vote', data: { round: room.meeting.round.round, card } }),
    events(offset, ...events) {
      visit.offset = offset;
      room.events(events.map(([name, data]) => event(name, data)), 'm_a');
    },
  };
}

const voted = (voted) => ['vote.state', { member: 'm_a', voted }];
const second = ['round.started', { round: 2, story: null, title: '', started: 3000, anonymous: false, reason: 'start' }];

test('a pick is shown at once, and until the meeting shows it', async () => {
  const m = meeting();
  m.room.vote('5');
  assert.equal(m.card, '5');
  m.told('5');
  m.next().resolve(6); // the answer overtakes the event
  await turn();
  assert.deepEqual([m.card, m.visit.content.pick?.offset], ['5', 6]);
  m.events(6, voted(true));
  assert.deepEqual([m.card, m.visit.content.pick], ['5', null]);
});

test('a pick that was outdone in another tab gives way', async () => {
  const m = meeting();
  m.room.vote('5');
  m.told('8');
  m.next().resolve(6);
  await turn();
  m.events(7, voted(true));
  assert.equal(m.card, '8');
});

test('a pick whose answer was lost gives way to the state', async () => {
  const m = meeting();
  m.room.vote('5');
  const { state, members } = snapshot();
  m.room.state({ state: { ...state, you: { card: '8' }, round: { ...state.round, voted: ['m_a'] } }, members }, 'm_a');
  assert.equal(m.card, '5', 'it may be on its way');
  m.next().resolve(0);
  await turn();
  assert.equal(m.card, '8');

  m.room.vote('3');
  m.next().refuse('outcome_lost');
  await turn();
  assert.deepEqual([m.card, notices.value], ['8', []], 'there is nothing to look for: the card is shown');
});

test('a state has what took effect before it', async () => {
  const m = meeting();
  m.room.vote('5');
  m.next().resolve(9);
  await turn();
  const { state, members } = snapshot();
  m.room.state({ state, members }, 'm_a'); // the session began anew
  assert.equal(m.card, null);
});

test('a pick that is refused is told, and taken back', async () => {
  const m = meeting();
  m.room.vote('5');
  m.next().refuse('stale_round');
  await turn();
  assert.deepEqual([m.card, notices.value.length], [null, 1]);
});

test('a pick that is refused for the moment is sent again, unless there is a newer one', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const pass = async (ms) => {
    await turn();
    t.mock.timers.tick(ms);
    await turn();
  };
  const m = meeting();
  m.room.vote('5');
  m.next().refuse('unavailable', { retry: true, after: 700 });
  await pass(699);
  assert.deepEqual(m.visit.asked, []);
  await pass(1);
  const again = m.next();
  assert.deepEqual([again.data, again.options], [{ round: 1, card: '5' }, { retry: false }]);
  again.refuse('unavailable', { retry: true, after: 1 });
  m.room.vote('8');
  await pass(10_000);
  assert.deepEqual(m.visit.asked.map((a) => a.data.card), ['8']);
  assert.deepEqual(notices.value, []);
});

test('what is for the moment is not sent later', () => {
  const m = meeting();
  m.room.do('react', { emoji: '👍' });
  m.room.do('lock');
  assert.deepEqual(m.visit.asked.map((a) => a.options.retry), [false, true]);
});

test('that the meeting is closed is told, unless the visit itself is over', async () => {
  const m = meeting();
  m.room.do('lock');
  m.next().refuse('closed');
  await turn();
  assert.equal(notices.value.length, 1);
  notices.value = [];
  m.visit.over = true;
  m.room.do('lock');
  m.next().refuse('closed');
  await turn();
  assert.deepEqual(notices.value, []);
});

test('earlier rounds for the export are asked for again while a state overtakes them, but not for ever', async () => {
  const m = meeting({ older: 2, history: [{ round: 3, voted: [] }] });
  const all = m.room.everything();
  m.next().resolve(0); // without rounds
  await turn();
  const again = m.next();
  m.room.note({ event: 'rounds', data: { rounds: [{ round: 1 }, { round: 2 }], older: 0 } });
  again.resolve(0);
  assert.equal(await all, true);
  assert.equal(m.room.meeting.history.length, 3);

  const never = meeting({ older: 2, history: [{ round: 3, voted: [] }] });
  const none = never.room.everything();
  for (let i = 0; i < 3; i++, await turn()) never.next().resolve(0);
  assert.deepEqual([await none, notices.value.length], [false, 1]);
});

test('what was asked of one round is not done to another', async () => {
  const m = meeting();
  m.events(6, voted(true));
  const started = m.room.start('s2');
  m.events(8, second, voted(true));
  question.value.answer(true);
  await turn();
  assert.deepEqual(m.visit.asked, []);
  question.value.answer(false); // asked once more, of the round that is
  assert.equal(await started, false);
});

test('a title goes to the story that it was typed for', () => {
  const m = meeting();
  const { round } = m.room.meeting;
  m.events(6, ['round.started', { ...second[1], story: 's2', title: 'Export' }]);
  m.room.name('Sign in', round);
  assert.deepEqual(m.next().data, { story: 's1', title: 'Sign in' });
});

test('a reveal shows the card of the vote that it has', async () => {
  const m = meeting();
  m.room.vote('3');
  m.told('3');
  m.next().resolve(6);
  await turn();
  m.events(7, voted(true), ['round.revealed', { round: 1, revealed: 2000, votes: { m_a: '3', m_b: '8' }, results: results() }]);
  assert.deepEqual([m.card, m.visit.content.pick], ['3', null]);
});
