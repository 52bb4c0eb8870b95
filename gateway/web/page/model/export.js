// @ts-check
/**
 * Exports: everything as JSON, rounds and stories as CSV (RFC 4180).
 *
 * @typedef {import('./types.js').Meeting} Meeting
 * @typedef {import('./types.js').Round} Round
 */
import { nameOf } from './people.js';
import { labelOf } from './results.js';

/** So that a spreadsheet takes the file for UTF-8. */
const BOM = '\uFEFF';

/**
 * What a spreadsheet would take for a formula is kept text by an apostrophe.
 * @param {unknown} value
 */
function cell(value) {
  let text = value === undefined || value === null ? '' : String(value);
  if (typeof value === 'string' && /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {unknown[][]} rows */
export const csv = (rows) => BOM + rows.map((row) => row.map(cell).join(',') + '\r\n').join('');

/** @param {number | undefined} ms */
const time = (ms) => (ms === undefined ? '' : new Date(ms).toISOString());

/**
 * The past rounds, and the current one once it is revealed.
 * @param {Meeting} m
 */
const rounds = (m) => (m.round?.revealed ? [...m.history, m.round] : m.history);

/**
 * A line for each vote; in an anonymous round for each card, and in one that was
 * never revealed for everybody who voted.
 * @param {Meeting} m
 */
export function roundsCSV(m) {
  const head = ['round', 'story', 'started', 'revealed', 'ended', 'member', 'card', 'first card', 'votes',
    'estimate', 'mean', 'median', 'agreement', 'level'];
  return csv([head, ...rounds(m).flatMap((r) => lines(m, r).map(({ member, card, first, votes }) => [
    r.round, r.title, time(r.started), time(r.revealed), time(r.ended), member, card, first, votes, r.estimate && labelOf(r.estimate),
    r.results?.mean, r.results?.median.map(labelOf).join(' '), r.results?.agreement, r.results?.level,
  ]))]);
}

/**
 * @param {Meeting} m
 * @param {Round} r
 * @returns {{ member: string, card: string, first?: string | null, votes: number }[]}
 */
function lines(m, r) {
  if (r.votes) {
    return Object.entries(r.votes).map(([id, card]) => {
      const first = r.changed?.[id];
      return { member: nameOf(m, id) || id, card: labelOf(card), first: first ? labelOf(first) : first, votes: 1 };
    });
  }
  if (r.results) return Object.entries(r.results.counts).map(([card, votes]) => ({ member: '', card: labelOf(card), votes }));
  return (r.voted ?? []).map((id) => ({ member: nameOf(m, id) || id, card: '', votes: 1 }));
}

/**
 * The stories, with a header that the import understands.
 * @param {Meeting} m
 */
export const storiesCSV = (m) =>
  csv([['title', 'link', 'estimate'], ...m.stories.map((s) => [s.title, s.link, s.estimate && labelOf(s.estimate.value)])]);

/**
 * @param {Meeting} m with all rounds
 * @param {string} session
 * @param {number} now
 */
export function json(m, session, now) {
  const names = { ...m.names, ...Object.fromEntries(m.members.map((o) => [o.member, o.name])) };
  return JSON.stringify({
    session,
    exported: time(now),
    deck: m.deck,
    options: m.options,
    members: m.members.map(({ member, name, role }) => ({ member, name, role })),
    names,
    stories: m.stories,
    rounds: rounds(m),
  }, null, 2) + '\n';
}

/**
 * A name that every file system takes.
 * @param {string} session
 * @param {string} what
 * @param {string} ending
 * @param {number} now
 */
export const fileName = (session, what, ending, now) => `plenum-${session}-${what}-${time(now).slice(0, 10)}.${ending}`;
