import assert from 'node:assert/strict';
import test from 'node:test';
import { parseCorefile } from '../corefile/parse.ts';
import { groupTargets } from './targets.ts';
import { blockOf } from './testing.ts';

const BLOCK = blockOf(['whoami']);

/** Blocks of `keys; bind addresses`, one per line of a Corefile. */
function blocksOf(lines: readonly { keys: string; bind?: string[]; readMs?: number; debug?: boolean }[]) {
  const text = lines.map(({ keys }) => `${keys} {\n}`).join('\n');
  const { blocks } = parseCorefile(text, 'Corefile', { env: {}, defaultPort: 53, directiveNames: [] });
  return lines.map(({ bind = [], readMs, debug = false }, i) => ({
    keys: blocks[i]?.keys ?? [],
    listener: { addresses: bind, debug, stacktrace: false, ...(readMs === undefined ? {} : { readMs }) },
    block: { ...BLOCK, anyClass: i > 0 },
    servers: [] as string[],
  }));
}

const overlapCases = [
  {
    name: 'twice the same zone',
    lines: [{ keys: '.:53' }, { keys: '.' }],
    error: 'Corefile:3: cannot serve dns://.:53 - it is already defined in Corefile:1; remove one of the two',
  },
  {
    name: 'twice on one address',
    lines: [
      { keys: '.', bind: ['127.0.0.1'] },
      { keys: '.', bind: ['127.0.0.1'] },
    ],
    error:
      'Corefile:3: cannot serve dns://.:53 on 127.0.0.1 - it is already defined in Corefile:1; remove one of the two',
  },
  {
    name: 'bound after unbound',
    lines: [{ keys: '.' }, { keys: '.', bind: ['127.0.0.1'] }],
    error:
      'Corefile:3: cannot serve dns://.:53 on 127.0.0.1 - zone overlap listener capacity with dns://.:53 of Corefile:1; bind both blocks, or neither',
  },
  {
    name: 'unbound after bound',
    lines: [{ keys: '.', bind: ['127.0.0.1'] }, { keys: '.' }],
    error:
      'Corefile:3: cannot serve dns://.:53 - zone overlap listener capacity with dns://.:53 on 127.0.0.1 of Corefile:1; bind both blocks, or neither',
  },
  {
    name: 'an address twice in one block',
    lines: [{ keys: '.', bind: ['::1', '::1'] }],
    error: 'Corefile:1: cannot serve dns://.:53 on ::1 - it is already defined in Corefile:1; remove one of the two',
  },
];

for (const { name, lines, error } of overlapCases) {
  test(`groupTargets: ${name} is refused`, () => {
    assert.throws(() => groupTargets(blocksOf(lines)), { name: 'ConfigError', message: error });
  });
}

test('groupTargets: one listener per address and port, and every block knows its own', () => {
  const blocks = blocksOf([
    { keys: '. example.org:5300', bind: ['127.0.0.1', '::1'] },
    { keys: '.', bind: ['127.0.0.2'] },
    { keys: 'example.org', bind: ['127.0.0.1'], readMs: 1000, debug: true },
  ]);
  const targets = groupTargets(blocks);
  assert.deepEqual(
    [...targets].map(([id, { router }]) => [id, [...router.zones]]),
    [
      ['dns://127.0.0.1:53', ['.', 'example.org.']],
      ['dns://[::1]:53', ['.']],
      ['dns://127.0.0.1:5300', ['example.org.']],
      ['dns://[::1]:5300', ['example.org.']],
      ['dns://127.0.0.2:53', ['.']],
    ],
  );
  assert.deepEqual(blocks[0]?.servers, [
    'dns://127.0.0.1:53',
    'dns://[::1]:53',
    'dns://127.0.0.1:5300',
    'dns://[::1]:5300',
  ]);
  const shared = targets.get('dns://127.0.0.1:53');
  assert.deepEqual([shared?.readMs, shared?.debug, shared?.anyClass], [1000, true, true]);
});
