// @ts-check
/**
 * Who is here, who may do what, and what comes next.
 *
 * @typedef {import('./types.js').Meeting} Meeting
 * @typedef {import('./types.js').Member} Member
 * @typedef {import('./types.js').Policy} Policy
 *
 * @typedef {object} Seat one person at the table
 * @property {string} id
 * @property {string} name
 * @property {boolean} me
 * @property {boolean} spectator
 * @property {boolean} away not connected at the moment
 * @property {boolean} gone away for longer than the grace: nobody waits
 * @property {boolean} voted
 * @property {string} [card] once it may be seen
 * @property {string | null} [first] the card before a late change
 * @property {'low' | 'high'} [edge]
 * @property {'owner' | 'facilitator' | 'acting'} [rank]
 */

/** @param {Member} m */
export const isVoter = (m) => m.role !== 'spectator';

/**
 * @param {Meeting} m
 * @param {string} me
 */
export const isFacilitator = (m, me) => m.facilitators.includes(me) || m.acting === me;

/**
 * @param {Meeting} m
 * @param {string} me
 * @param {Policy} policy
 */
export function may(m, me, policy) {
  if (!m.members.some((o) => o.member === me)) return false;
  return policy === 'everyone' || (policy === 'facilitators' ? isFacilitator(m, me) : m.owner === me);
}

/**
 * @param {Meeting} m
 * @param {string} id
 */
export const nameOf = (m, id) => m.members.find((o) => o.member === id)?.name ?? m.names[id] ?? '';

/** @param {Meeting} m @param {string} me */
export const amVoter = (m, me) => m.members.some((o) => o.member === me && isVoter(o));

/**
 * The card that the person has on the table. A click that the gateway has not
 * confirmed yet counts.
 * @param {Meeting} m
 * @param {string} me
 * @param {{ round: number, card: string | null } | null} pick
 */
export function ownCard(m, me, pick) {
  if (pick && pick.round === m.round?.round) return pick.card;
  const told = m.you && m.you.round === m.round?.round ? m.you.card : null;
  if (m.round?.revealed) return m.round.votes?.[me] ?? told;
  return m.round?.voted?.includes(me) ? told : null;
}

/**
 * @param {Meeting} m
 * @param {string} me
 * @param {{ round: number, card: string | null } | null} [pick]
 * @returns {Seat[]} in the order in which they came
 */
export function seats(m, me, pick = null) {
  const voted = new Set(m.round?.voted ?? Object.keys(m.round?.votes ?? {}));
  if (pick && pick.round === m.round?.round && !m.round.revealed) pick.card === null ? voted.delete(me) : voted.add(me);
  const { lowest, highest } = m.round?.results ?? {};
  const apart = lowest && highest && lowest.card !== highest.card;
  return m.members.map((o) => ({
    id: o.member,
    name: o.name,
    me: o.member === me,
    spectator: !isVoter(o),
    away: o.status !== 'online',
    gone: o.status === 'offline',
    voted: voted.has(o.member),
    card: m.round?.votes?.[o.member],
    first: m.round?.changed?.[o.member],
    edge: apart && lowest.members?.includes(o.member) ? 'low' : apart && highest.members?.includes(o.member) ? 'high' : undefined,
    rank: m.owner === o.member ? 'owner' : m.facilitators.includes(o.member) ? 'facilitator' : m.acting === o.member ? 'acting' : undefined,
  }));
}

/**
 * For many people: who keeps the others waiting comes first, and after the
 * reveal the cards are sorted.
 * @param {Seat[]} all
 * @param {(card: string) => number} place
 */
export function sorted(all, place) {
  const group = (/** @type {Seat} */ s) => (s.spectator ? 3 : s.card !== undefined ? 0 : s.gone && !s.voted ? 2 : s.voted ? 1 : 0);
  return [...all].sort((a, b) => group(a) - group(b) || (a.card !== undefined && b.card !== undefined ? place(a.card) - place(b.card) : 0));
}

/**
 * @param {Seat[]} all
 * @returns {{ voted: number, voters: number, missing: Seat[] }}
 */
export function progress(all) {
  const voters = all.filter((s) => !s.spectator);
  const counts = voters.filter((s) => s.voted || !s.gone);
  return {
    voted: voters.filter((s) => s.voted).length,
    voters: counts.length,
    missing: counts.filter((s) => !s.voted),
  };
}

/**
 * The story to go on with: the next one without an estimate, or else the first.
 * @param {Meeting} m
 */
export function nextStory(m) {
  const at = m.stories.findIndex((s) => s.id === m.round?.story);
  const open = (/** @type {import('./types.js').Story} */ s) => !s.estimate && s.id !== m.round?.story;
  return m.stories.slice(at + 1).find(open) ?? m.stories.slice(0, Math.max(at, 0)).find(open);
}

/**
 * What the large button does next.
 * @param {Meeting} m
 * @param {{ voted: number, missing: unknown[] }} p
 * @returns {'wait' | 'reveal' | 'force' | 'countdown' | 'revote' | 'next' | 'closed'}
 */
export function step(m, { voted, missing }) {
  if (m.phase === 'closed' || !m.round) return 'closed';
  if (m.round.countdown) return 'countdown';
  if (m.phase === 'voting') return voted === 0 ? 'wait' : missing.length ? 'force' : 'reveal';
  const { level } = /** @type {import('./types.js').Results} */ (m.round.results);
  return !m.round.estimate && (level === 'split' || level === 'majority' || level === 'none') ? 'revote' : 'next';
}

/**
 * Whether the person may take the role over, and in how many ms that will be.
 * @param {Meeting} m
 * @param {string} me
 * @param {number} now by the server's clock
 * @returns {number | undefined} undefined: somebody who has it is here
 */
export function claimIn(m, me, now) {
  if (m.absent === null || !amVoter(m, me) || isFacilitator(m, me)) return undefined;
  return Math.max(0, m.absent + 60_000 - now);
}
