import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, left, minutes } from '../model/clock.js';
import { Typed } from '../model/keys.js';
import { looksLikeCSV } from '../model/lines.js';

const cards = ['0', '1', '2', '3', '5', '8', '13', '21'].map((id) => ({ id, label: id })).concat({ id: '0.5', label: '½' }, { id: 'XL', label: 'XL' }, { id: 'XXL', label: 'XXL' });

test('digits that follow each other make one card', () => {
  const typed = new Typed();
  assert.equal(typed.take('1', 0, cards), '1');
  assert.equal(typed.take('3', 300, cards), '13');
  assert.equal(typed.take('2', 400, cards), '2', 'there is no 132');
  assert.equal(typed.take('1', 600, cards), '21');
  assert.equal(typed.take('1', 5000, cards), '1', 'much later it begins anew');
  assert.equal(typed.take('9', 5100, cards), undefined);
});

test('a part is enough where there is no such card', () => {
  const typed = new Typed();
  assert.equal(typed.take('x', 0, cards), 'XL');
  assert.equal(typed.take('x', 100, cards), 'XXL');
  assert.equal(typed.take('2', 5000, cards.filter((c) => c.id !== '2')), '21');
});

test('what is left is never more than there was', () => {
  assert.equal(left({ at: 5000, ms: 3000 }, 4000), 1000);
  assert.equal(left({ at: 5000, ms: 3000 }, -90_000), 3000);
  assert.equal(left({ at: 5000, ms: 3000 }, 90_000), 0);
  assert.equal(left({ left: 1200, ms: 3000 }, 4000), 1200);
});

test('times are written as people read them', () => {
  assert.deepEqual([0, 1, 1000, 59_001, 83_000, 3_600_000].map(minutes), ['0:00', '0:01', '0:01', '1:00', '1:23', '1:00:00']);
  assert.equal(duration(42_000, 'en'), '42 sec');
  assert.equal(duration(600_000, 'en'), '10 min');
  assert.match(duration(42_000, 'zh-CN'), /^42 ?秒$/);
});

test('CSV is told from a list', () => {
  assert.ok(looksLikeCSV('title,link\nA,https://x.example'));
  assert.ok(looksLikeCSV('编号;标题\n1;登录'));
  assert.ok(looksLikeCSV('A\thttps://x\nB\thttps://y'));
  assert.ok(!looksLikeCSV('Login, with passkeys\nExport'));
  assert.ok(!looksLikeCSV(''));
});
