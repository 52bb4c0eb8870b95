import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { refusal } from '../app/refusal.js';
import { translator } from '../lang/i18n.js';

/** What the gateway says, written by its own tests. @type {string[]} */
const messages = JSON.parse(readFileSync(new URL('../../../kind/estimation/testdata/refusals.json', import.meta.url), 'utf8'));

test('every refusal that the page can meet is said in Chinese', () => {
  assert.ok(messages.length > 10);
  const t = translator('zh-CN');
  for (const message of messages) {
    const detail = refusal({ code: 'bad_data', message }, t).slice(`${t('error.bad_data')} (`.length, -1);
    assert.match(detail.replace(/^第 \d+ 行：/, ''), /[一-鿿]/, message);
    assert.doesNotMatch(detail, /\{/, message);
  }
});

test('a refusal names its line, its numbers, and what nobody has foreseen', () => {
  const t = translator('zh-CN');
  assert.equal(refusal({ code: 'bad_csv', message: 'line 3: a title has 1 to 200 characters, without control characters' }, t),
    'CSV 无法读取。 (第 3 行：标题为 1 到 200 个字符，不能换行)');
  assert.equal(refusal({ code: 'bad_deck', message: 'card 3: XL is there already' }, t), '这些牌不能组成牌组。 (第 3 张牌：XL 重复了)');
  assert.equal(refusal({ code: 'bad_data', message: 'something new' }, t), '内容无效。 (something new)');
  assert.equal(refusal({ code: 'stale_round', message: 'round 3 is over' }, t), '那一轮已经结束了。');
  assert.equal(refusal({ code: 'unheard_of', message: 'something new' }, t), 'something new');
  assert.equal(refusal({ code: 'closed', message: 'the session is closed' }, t), '会议已结束。');
});
