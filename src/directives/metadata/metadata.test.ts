import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCorefile } from '../../corefile/parse.ts';
import { cursorOf } from '../../corefile/testing.ts';
import { register } from '../register.ts';
import { fakeBlock } from '../testing.ts';
import { metadata, parse } from './metadata.ts';

const cases = [
  { name: 'alone', input: 'metadata' },
  { name: 'zones', input: 'metadata example.org 10.0.0.0/8' },
  { name: 'a block', input: 'metadata {\n x\n}', error: 'Corefile:2: metadata: takes no block, got "x"' },
];
for (const { name, input, error } of cases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), undefined);
  });
}

test('twice in a block', () => {
  const options = { env: {}, defaultPort: 53, directiveNames: ['metadata'] };
  const { blocks } = parseCorefile('. {\n metadata\n metadata\n}', 'Corefile', options);
  assert.throws(() => register(metadata).configure(blocks[0]), {
    message: 'Corefile:3: metadata: may stand only once in a server block, and does on line 2 already',
  });
});

test('handles no queries, so that hits need not come through the chain for it', () => {
  assert.equal(metadata.setup(undefined, fakeBlock()), undefined);
});
