// @ts-check
/**
 * A meeting as it follows from a state and the events behind it. Whatever is
 * changed is a new object; what is not is the same one.
 *
 * @typedef {import('./types.js').Meeting} Meeting
 * @typedef {import('./types.js').Event} Event
 * @typedef {import('./types.js').Round} Round
 * @typedef {import('./types.js').Story} Story
 */

/**
 * @param {{ state: any, members: any[] }} snapshot
 * @returns {Meeting}
 */
export function fromState({ state, members }) {
  const you = state.you && { round: state.round?.round ?? 0, card: state.you.card };
  return { ...state, you, members: members ?? [] };
}

/**
 * @param {Meeting} m
 * @param {Event} e
 * @returns {Meeting} the same object if nothing changed
 */
export function apply(m, e) {
  const change = events[e.event];
  return change ? change(m, e.data) : m;
}

/**
 * Applies what is for this member alone. It may come before the events of the
 * same command and of others, even before the start of its round.
 * @param {Meeting} m
 * @param {{ event: string, data: any }} note
 * @returns {Meeting}
 */
export function applyPrivate(m, { event, data }) {
  if (event === 'your_vote' && data.round >= (m.you?.round ?? 0)) return { ...m, you: { round: data.round, card: data.card } };
  if (event === 'rounds') return withOlder(m, data.rounds, data.older);
  return m;
}

/** @type {Record<string, (m: Meeting, data: any) => Meeting>} */
const events = {
  'vote.state': (m, { member, voted }) => {
    const others = (m.round?.voted ?? []).filter((id) => id !== member);
    return inRound(m, { voted: voted ? [...others, member] : others });
  },
  'countdown.started': (m, { token, at, ms }) => inRound(m, { countdown: { token, at, ms } }),
  'countdown.stopped': (m) => inRound(m, { countdown: undefined }),
  'round.revealed': (m, { revealed, votes, results }) => {
    const next = inRound(m, { voted: undefined, countdown: undefined, revealed, votes, results });
    return { ...next, phase: 'revealed', names: { ...m.names, ...namesOf(m, Object.keys(votes ?? {})) } };
  },
  'vote.changed': (m, { member, card, first, results }) => {
    if (!m.round || !member) return inRound(m, { results });
    const { votes, changed = {} } = m.round;
    const next = inRound(m, {
      results,
      votes: { ...votes, [member]: card },
      changed: member in changed ? changed : { ...changed, [member]: first ?? null },
    });
    return { ...next, names: { ...m.names, ...namesOf(m, [member]) } };
  },
  'round.started': (m, { round, story, title, started, anonymous }) => ({
    ...ended(m, started),
    phase: 'voting',
    round: { round, story, title, started, anonymous, voted: [] },
  }),
  'round.anonymous': (m, { anonymous }) => inRound(m, { anonymous }),
  'estimate.set': estimated,
  'stories.added': (m, { stories, before }) => ({ ...m, stories: inserted(m.stories, stories, before) }),
  'story.edited': (m, { story }) => {
    const next = { ...m, stories: m.stories.map((s) => (s.id === story.id ? edited(s, story) : s)) };
    return m.round?.story === story.id ? inRound(next, { title: story.title }) : next;
  },
  'story.removed': (m, { story }) => ({ ...m, stories: m.stories.filter((s) => s.id !== story) }),
  'story.moved': (m, { story, before }) => {
    const moved = m.stories.filter((s) => s.id === story);
    return { ...m, stories: inserted(m.stories.filter((s) => s.id !== story), moved, before) };
  },
  'deck.changed': (m, { deck }) => ({ ...m, deck }),
  'options.changed': (m, options) => ({ ...m, options: { ...m.options, ...options } }),
  'roles.changed': (m, { owner, facilitators, acting, absent }) => ({ ...m, owner, facilitators, acting, absent }),
  'door.changed': (m, { locked, passcode }) => ({ ...m, locked, passcode }),
  'timer.changed': (m, { timer }) => ({ ...m, timer }),
  'session.closed': (m, { ended: at, summary }) => ({ ...ended(m, at), phase: 'closed', round: null, summary }),
  'member.joined': (m, data) => ({ ...m, members: [...m.members.filter((o) => o.member !== data.member), data] }),
  'member.changed': (m, data) => ({
    ...m,
    members: m.members.map((o) => (o.member === data.member ? { ...o, ...data } : o)),
  }),
  'member.left': (m, { member }) => {
    const next = { ...m, members: m.members.filter((o) => o.member !== member) };
    return next.round?.voted?.includes(member) ? inRound(next, { voted: next.round.voted.filter((id) => id !== member) }) : next;
  },
};

/**
 * @param {Meeting} m
 * @param {Partial<Round>} change undefined takes a field away
 * @returns {Meeting}
 */
function inRound(m, change) {
  return m.round ? { ...m, round: without({ ...m.round, ...change }) } : m;
}

/**
 * An object without its undefined fields.
 * @template {object} T
 * @param {T} o
 */
const without = (o) => /** @type {T} */ (Object.fromEntries(Object.entries(o).filter(([, value]) => value !== undefined)));

/**
 * The meeting with its round in the history, if it left anything.
 * @param {Meeting} m
 * @param {number} at
 * @returns {Meeting}
 */
function ended(m, at) {
  const { round } = m;
  if (!round || !(round.revealed || round.voted?.length)) return m;
  return { ...m, history: [...m.history, without({ ...round, countdown: undefined, ended: at })] };
}

/**
 * @param {Meeting} m
 * @param {{ value: string, round?: number, story?: string }} data
 * @returns {Meeting}
 */
function estimated(m, { value, round, story }) {
  /** @template {object} T @param {T} o @param {any} estimate */
  const set = (o, estimate) => without({ ...o, estimate: value === '' ? undefined : estimate });
  return {
    ...m,
    round: m.round && round === m.round.round ? set(m.round, value) : m.round,
    history: round === undefined ? m.history : m.history.map((r) => (r.round === round ? set(r, value) : r)),
    stories: story === undefined ? m.stories : m.stories.map((s) => (s.id === story ? set(s, { value, round: round ?? 0 }) : s)),
  };
}

/**
 * @param {Story[]} stories
 * @param {Story[]} more
 * @param {string} [before]
 */
function inserted(stories, more, before) {
  const at = before ? stories.findIndex((s) => s.id === before) : -1;
  return at < 0 ? [...stories, ...more] : [...stories.slice(0, at), ...more, ...stories.slice(at)];
}

/**
 * @param {Story} old
 * @param {Story} story
 */
const edited = (old, story) => without({ ...old, title: story.title, link: story.link });

/**
 * @param {Meeting} m
 * @param {string[]} ids
 */
const namesOf = (m, ids) =>
  Object.fromEntries(m.members.filter((o) => ids.includes(o.member)).map((o) => [o.member, o.name]));

/**
 * Puts earlier rounds before those that are known, unless rounds are missing in
 * between, because a state has taken the place of the history that they go before.
 * @param {Meeting} m
 * @param {Round[]} rounds
 * @param {number} older how many there are before them
 * @returns {Meeting}
 */
function withOlder(m, rounds, older) {
  const first = m.history[0]?.round ?? Infinity;
  const more = rounds.filter((r) => r.round < first);
  return older + more.length === m.older ? { ...m, history: [...more, ...m.history], older } : m;
}
