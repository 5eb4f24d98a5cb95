import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCorefile } from '../corefile/parse.ts';
import type { Block, Handler } from '../directives/contract.ts';
import { FakeProcess, fakeLog, fakeQuery } from '../directives/testing.ts';
import { BlockBuilder } from './block.ts';

/** A block of these directives, each of which adds its name to the source of an outcome, and looks on if it is a watcher. */
function chainOf(names: readonly string[]) {
  const corefile = `. {\n${names.join('\n')}\n}`;
  const directiveNames = [...new Set(names)];
  const [block] = parseCorefile(corefile, 'Corefile', { env: {}, defaultPort: 53, directiveNames }).blocks;
  const builder = new BlockBuilder(block, new FakeProcess(), fakeLog().log);
  const seen: string[] = [];
  /** Of each directive, the last one first: what it was given, and what it made of it. */
  const nexts: Handler[] = [];
  const handlers: Handler[] = [];
  const run = (name: string) => (own: Block) => {
    if (name.startsWith('watcher')) own.watchChain((below, handler) => watched(`${name} sees ${below}`, handler));
    return (next: Handler): Handler => {
      const handler: Handler = async (query) => {
        const outcome = await next(query);
        return { ...outcome, source: `${name} ${outcome.source}`.trim() };
      };
      nexts.push(next);
      handlers.push(handler);
      return handler;
    };
  };
  const watched =
    (text: string, handler: Handler): Handler =>
    (query) => {
      seen.push(text);
      return handler(query);
    };
  for (const name of directiveNames) {
    const lines = block.directives.filter((cursor) => cursor.name.text === name);
    const setUps = lines.map(() => ({ run: run(name), allowHits: () => true, concerns: () => true }));
    builder.setUp({ directive: { name, anyClass: false, configure: () => setUps }, line: lines[0], setUps });
  }
  return { handler: builder.chain(), seen, nexts, handlers };
}

test('who looks on sees the directives below, in their order, and changes nothing', async () => {
  const { handler, seen } = chainOf(['above', 'watcher', 'cache', 'forward']);
  const { source } = await handler(fakeQuery());
  assert.equal(source, 'above watcher cache forward');
  assert.deepEqual(seen, ['watcher sees cache', 'watcher sees forward']);
});

test('two look on each from its own place', async () => {
  const { handler, seen } = chainOf(['watcher1', 'cache', 'watcher2', 'forward']);
  await handler(fakeQuery());
  assert.deepEqual(seen, [
    'watcher1 sees cache',
    'watcher1 sees watcher2',
    ...['watcher2 sees forward', 'watcher1 sees forward'],
  ]);
});

test('several links of one directive are seen as one, and know each other as without anybody looking', async () => {
  const { handler, seen, nexts, handlers } = chainOf(['watcher', 'forward', 'forward', 'forward']);
  await handler(fakeQuery());
  assert.deepEqual(seen, ['watcher sees forward']);
  const areTheirOwn = handlers.slice(0, -1).map((made, i) => nexts[i + 1] === made);
  assert.deepEqual(areTheirOwn, [true, true, false]);
});
