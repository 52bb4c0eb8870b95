import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { isolated, languages, preferred, translator } from '../lang/i18n.js';
import { decks } from '../model/decks.js';

const root = new URL('../', import.meta.url);
const sources = ['app', 'model', 'ui'].flatMap((dir) =>
  readdirSync(new URL(dir, root)).map((name) => readFileSync(new URL(`${dir}/${name}`, root), 'utf8')));
const all = sources.join('\n');
const keys = Object.keys(languages.en.texts);

test('all languages have the same texts, with the same parameters', () => {
  for (const [lang, { texts }] of Object.entries(languages)) {
    assert.deepEqual(Object.keys(texts).sort(), [...keys].sort(), lang);
    for (const key of keys) {
      const parts = (text) => Object.values(typeof text === 'string' ? { other: text } : text);
      const params = (text) => [...new Set(parts(text).flatMap((s) => s.match(/\{\w+\}/g) ?? []))].sort();
      assert.deepEqual(params(texts[key]), params(languages.en.texts[key]), `${lang}: ${key}`);
      assert.ok(parts(texts[key]).every((s) => s.trim()), `${lang}: ${key} is empty`);
    }
  }
});

test('Chinese is Chinese', () => {
  const plain = keys.filter((k) => k !== 'import.csv' && !/[一-鿿]/.test(JSON.stringify(languages['zh-CN'].texts[k])));
  assert.deepEqual(plain, []);
});

/** 'a.b' and the like, wherever they stand as a whole string. */
const named = new Set([...all.matchAll(/'([a-z]+(?:\.[a-z_]+)+)'/g)].map((m) => m[1]));
/** Keys that are put together: t(`level.${…}`), with what follows. */
const joined = [...all.matchAll(/`([a-z]+\.(?:[a-z]+_)?)\$\{[^}]+\}((?:_[a-z]+)?)`/g)].map((m) => ({ from: m[1], to: m[2] }));

test('every text that is asked for is there', () => {
  const groups = new Set(keys.map((k) => k.split('.')[0]));
  const events = new Set([...all.matchAll(/^ {2}'([a-z]+\.[a-z]+)': /gm)].map((m) => m[1]));
  const missing = [...named].filter((k) => groups.has(k.split('.')[0]) && !keys.includes(k) && !events.has(k) && !/e\.event ===/.test(k));
  const asEvents = missing.filter((k) => all.includes(`e.event === '${k}'`) || all.includes(`event: '${k}'`));
  assert.deepEqual(missing.filter((k) => !asEvents.includes(k)), []);
});

test('every text is asked for', () => {
  const unused = keys.filter((k) => !named.has(k) && !joined.some((j) => k.startsWith(j.from) && k.endsWith(j.to)));
  assert.deepEqual(unused, []);
});

test('what is put together is there', () => {
  const { texts } = languages.en;
  const want = {
    'deck.': [...Object.keys(decks), 'custom'], 'drawer.': ['stories', 'history', 'settings'], 'level.': ['unanimous', 'consensus', 'majority', 'split', 'none'],
    'phase.': ['connecting', 'connected', 'reconnecting', 'closed'], 'seat.': ['thinking', 'voted', 'shown', 'none', 'spectator', 'low', 'high'],
    'rank.': ['owner', 'facilitator', 'acting'], 'theme.': ['auto', 'light', 'dark'], 'status.': ['online', 'reconnecting', 'offline'],
    'policy.': ['reveal_by', 'flow_by', 'stories_by', 'settings_by', 'everyone', 'facilitators', 'owner'],
    'centre.by_': ['everyone', 'facilitators', 'owner'], 'settings.by_': ['facilitators', 'owner'], 'import.': ['lines', 'csv', 'lines_text', 'csv_text'],
    'room.': ['online', 'reconnecting', 'offline'], 'error.': ['passcode_required', 'passcode_wrong'],
  };
  for (const [prefix, ends] of Object.entries(want)) for (const end of ends) assert.ok(prefix + end in texts, prefix + end);
  for (const { from } of joined) assert.ok(from in want || ['over.', 'plenum.'].includes(from), `nobody says what ${from} is put together with`);
});

test('every refusal of the kind has a text', () => {
  const contract = readFileSync(new URL('../../../docs/estimation.md', root), 'utf8');
  const table = contract.slice(contract.indexOf('## Error codes'), contract.indexOf('## Bounds'));
  const codes = [...table.matchAll(/^\|(.*?)\|/gm)].flatMap((row) => [...row[1].matchAll(/`([a-z_]+)`/g)].map((m) => m[1]));
  assert.ok(codes.length > 20, `${codes}`);
  const atJoin = ['locked', 'banned', 'bad_role'];
  assert.deepEqual(codes.filter((c) => !keys.includes(`error.${c}`) && !keys.includes(`over.${c}`) && !atJoin.includes(c)), []);
});

test('parameters are filled in, numbers choose the form, and a missing key is seen', () => {
  const [en, zh] = ['en', 'zh-CN'].map(translator);
  assert.equal(en('lost.waiting', { n: 1 }), '1 click waits');
  assert.equal(en('lost.waiting', { n: 2 }), '2 clicks wait');
  assert.equal(zh('lost.waiting', { n: 1 }), '1 项操作待发送');
  assert.equal(en('say.joined', { name: '{name} $& <b>' }), '{name} $& <b> joined');
  assert.equal(en('no.such'), 'no.such');
});

test('the browser says what a person prefers', () => {
  assert.equal(preferred(['de-DE', 'zh-TW', 'en']), 'zh-CN');
  assert.equal(preferred(['de', 'en-GB', 'zh']), 'en');
  assert.equal(preferred(['de']), 'en');
});

test('a name that is written from right to left keeps to itself', () => {
  assert.equal(translator('en')('say.joined', { name: 'שרה' }), '\u2068שרה\u2069 joined');
  assert.equal(isolated('Zoë 李 😀'), 'Zoë 李 😀');
});
