// @ts-check
/**
 * What a screen reader is told of an event: a key of the language and its parameters.
 *
 * @typedef {import('./types.js').Meeting} Meeting
 * @typedef {import('./types.js').Event} Event
 */
import { nameOf, progress, seats } from './people.js';
import { labelOf } from './results.js';

/**
 * @param {Meeting} before
 * @param {Meeting} after
 * @param {Event} e
 * @param {string} me
 * @returns {[key: string, params?: Record<string, any>] | undefined}
 */
export function announce(before, after, e, me) {
  const say = sentences[e.event];
  return say?.(after, e.data, me, before);
}

/** @type {Record<string, (m: Meeting, data: any, me: string, before: Meeting) => [string, Record<string, any>?] | undefined>} */
const sentences = {
  'vote.state': (m, { member, voted }, me) => {
    const { voted: n, voters } = progress(seats(m, me));
    return [voted ? 'say.voted' : 'say.took_back', { name: nameOf(m, member), n, voters }];
  },
  'countdown.started': (_, { ms }) => ['say.countdown', { n: Math.round(ms / 1000) }],
  'countdown.stopped': () => ['say.countdown_stopped'],
  'round.revealed': (_, { results }) =>
    results.counted
      ? ['say.revealed', { median: results.median.map(labelOf).join(', '), agreement: results.agreement }]
      : ['say.revealed_nothing'],
  'vote.changed': (m, { member, card }) =>
    member ? ['say.changed', { name: nameOf(m, member), card: labelOf(card) }] : undefined,
  'round.started': (_, { round, title }) => (title ? ['say.round_story', { round, title }] : ['say.round', { round }]),
  'estimate.set': (_, { value }) => (value ? ['say.estimate', { value: labelOf(value) }] : undefined),
  'member.joined': (_, { name }) => ['say.joined', { name }],
  'member.left': (_, { member }, __, before) => ['say.left', { name: nameOf(before, member) }],
  'timer.changed': (_, { timer }) => (timer?.state === 'ended' ? ['say.timer_over'] : undefined),
  'session.closed': () => ['say.closed'],
  nudge: (_, { member }, me) => (member === me ? ['say.nudged'] : undefined),
};
