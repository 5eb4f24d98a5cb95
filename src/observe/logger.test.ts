import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { LineWriter } from './line-writer.ts';
import { Logger } from './logger.ts';

function logger(): { log: Logger; printed: () => string } {
  let text = '';
  const write = (bytes: Uint8Array) => {
    text += Buffer.from(bytes).toString();
    return bytes.length;
  };
  const log = new Logger(new LineWriter(write));
  const printed = () => {
    log.flushSync();
    return text;
  };
  return { log, printed };
}

const lineCases: { name: string; print: (log: Logger) => void; want: string }[] = [
  { name: 'info', print: (log) => log.info('text'), want: '[INFO] text\n' },
  { name: 'warning', print: (log) => log.warning('text'), want: '[WARNING] text\n' },
  { name: 'error', print: (log) => log.error('text'), want: '[ERROR] text\n' },
  { name: 'fatal', print: (log) => log.fatal('text'), want: '[FATAL] text\n' },
  { name: 'a directive', print: (log) => log.plugin('cache').info('text'), want: '[INFO] plugin/cache: text\n' },
  { name: 'a raw line', print: (log) => log.line('.:53'), want: '.:53\n' },
  { name: 'debug', print: (log) => log.debug('text'), want: '' },
];
for (const { name, print, want } of lineCases) {
  test(`line: ${name}`, () => {
    const { log, printed } = logger();
    print(log);
    assert.equal(printed(), want);
  });
}

test('debug lines are printed while anybody wants them', () => {
  const { log, printed } = logger();
  const releases = [log.holdDebug(), log.holdDebug()];
  log.plugin('cache').debug('two');
  assert.equal(log.isDebug, true);
  releases[0]();
  releases[0]();
  log.debug('one');
  releases[1]();
  log.debug('none');
  assert.equal(log.isDebug, false);
  assert.equal(printed(), '[DEBUG] plugin/cache: two\n[DEBUG] one\n');
});

const LOGGER_PATH = JSON.stringify(new URL('logger.ts', import.meta.url).href);

/** Runs a script with `log`, the logger to standard output. */
function start(script: string) {
  const source = `const { stdoutLogger } = await import(${LOGGER_PATH}); const log = stdoutLogger(); ${script}`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'] });
}

test('the last lines are out when the process exits at once', async () => {
  const child = start(`for (let i = 0; i < 3000; i++) log.info('x'.repeat(100)); process.exit(3);`);
  const closed = once(child, 'close');
  assert.equal(await text(child.stdout), `[INFO] ${'x'.repeat(100)}\n`.repeat(3000));
  assert.deepEqual(await closed, [3, null]);
});

test('a reader who is stuck does not stop the event loop', async () => {
  const child = start(`
    for (let i = 0; i < 100_000; i++) log.info('x'.repeat(100));
    setTimeout(() => { log.line('last'); process.stderr.write('alive'); }, 30);
    setTimeout(() => {}, 100);`);
  await once(child.stderr, 'data');
  const lines = (await text(child.stdout)).split('\n');
  assert.match(lines.at(-3) ?? '', /^\[WARNING\] \d+ log lines dropped/);
  assert.equal(lines.at(-2), 'last');
});

test('a closed standard output does not end the process', async () => {
  const child = start(`setTimeout(() => { log.info('nobody reads this'); setImmediate(() => process.exit(4)); }, 20);`);
  child.stdout.destroy();
  assert.deepEqual(await once(child, 'close'), [4, null]);
});
