import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as bundle from '@plenum/client';
import * as source from '@plenum/client/source';
import * as index from '../index.js';
import * as file from '../dist/plenum.min.js';

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('the package is the bundle, and has its source beside it', () => {
  assert.equal(bundle, file);
  assert.equal(source, index);
  assert.deepEqual(Object.keys(bundle).sort(), Object.keys(source).sort());
});

test('what is declared is exported', () => {
  const declared = [...read('index.d.ts').matchAll(/^export (?:function|class|const) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(declared.sort(), Object.keys(bundle).sort());
});

test('every option, callback and property is in the README', () => {
  const readme = read('README.md');
  const [, client] = /^export interface Client \{(.*?)^\}/ms.exec(read('index.d.ts'));
  const names = [...client.matchAll(/^  (?:readonly )?(\w+)[?(:]/gm)].map(([, name]) => name);
  assert.ok(names.length > 10);
  for (const name of names) assert.match(readme, new RegExp('`[^`]*\\.?' + name + '\\b'), name);
});

test('it needs no other package', () => {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(read('package.json'));
  assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
  const [, ...imports] = read('dist/plenum.min.js').split(/\bimport\b/);
  assert.deepEqual(imports, []);
});
