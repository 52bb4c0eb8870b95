// @ts-check
/** What the gateway refuses, in the words of the page. */
import { has } from '../lang/i18n.js';

/** @typedef {import('../lang/i18n.js').Translate} Translate */

/** Refusals whose message says where and what. */
const precise = ['bad_csv', 'bad_deck', 'too_many', 'bad_data'];

/**
 * The messages that somebody can come to with this page, as the gateway words
 * them, each with its text and the names of its parts.
 *
 * @type {[RegExp, string, ...string[]][]}
 */
const wordings = [
  [/^there is no story in it$/, 'detail.no_story'],
  [/^bare " in non-quoted-field$/, 'detail.bare_quote'],
  [/^extraneous or missing " in quoted-field$/, 'detail.quote'],
  [/^a title has 1 to (\d+) characters/, 'detail.title', 'n'],
  [/^a link begins with http:\/\/ or https:\/\/ and has at most (\d+) characters$/, 'detail.link', 'n'],
  [/^an estimate has at most (\d+) characters$/, 'detail.estimate', 'n'],
  [/^card (\d+): a label has 1 to (\d+) characters$/, 'detail.label', 'card', 'n'],
  [/^card (\d+): (.+) is there already$/, 'detail.same_card', 'card', 'label'],
  [/^a deck has (\d+) to (\d+) cards beside .*; these are (\d+)$/, 'detail.cards', 'min', 'max', 'n'],
  [/^a session has at most (\d+) stories/, 'detail.stories', 'n'],
  [/^the stories would take \d+ bytes of at most \d+$/, 'detail.stories_bytes'],
  [/^the session is full:/, 'detail.full'],
  [/^the session has (\d+) banned names already$/, 'detail.banned', 'n'],
];

/** @param {string} message @param {Translate} t @returns {string} */
function detail(message, t) {
  const line = /^line (\d+): /.exec(message);
  if (line) return t('detail.line', { n: line[1] }) + detail(message.slice(line[0].length), t);
  for (const [pattern, key, ...names] of wordings) {
    const parts = pattern.exec(message);
    if (parts) return t(key, Object.fromEntries(names.map((name, i) => [name, parts[i + 1]])));
  }
  return message;
}

/**
 * A refusal in words.
 *
 * @param {any} e
 * @param {Translate} t
 */
export function refusal(e, t) {
  const key = `error.${e?.code}`;
  const text = has(key) ? t(key) : e?.message || t('error.other');
  if (!precise.includes(e?.code) || !e.message) return text;
  return `${text} (${detail(e.message, t)})`;
}
