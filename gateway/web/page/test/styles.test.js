import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';

const css = new URL('../css/', import.meta.url);

// A browser takes a style that breaks off for one that ends, and says nothing.
test('styles are whole', () => {
  const files = readdirSync(css);
  assert.ok(files.length > 5);
  for (const file of files) {
    const text = readFileSync(new URL(file, css), 'utf8');
    const depth = [...text.replace(/\/\*.*?\*\/|"[^"]*"/gs, '')].reduce((n, c) => n + Number(c === '{') - Number(c === '}'), 0);
    assert.equal(depth, 0, `${file} has ${depth} rules that do not end`);
    assert.match(text, /\}\s*$/, `${file} ends within a rule`);
  }
});
