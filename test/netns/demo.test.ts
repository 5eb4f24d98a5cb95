/** `npm run demo`: its table, and that nothing is left of it, also after Ctrl-C. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { GETADDRINFO_PROGRAMS } from '../peers/getaddrinfo.ts';
import { makeTemporaryDirectory, spawnChild } from '../support/child.ts';
import { findProgram, missing } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';
import { clusterUnavailable } from './cluster.ts';

const DEMO = join(import.meta.dirname, '../../bench/demo.ts');
const skip = missing(...GETADDRINFO_PROGRAMS) || clusterUnavailable('nftables');
let count = 0;

/** The demo with a mark in its environment, which all that it starts inherits. */
function startDemo(t: TestContext, flags: readonly string[]) {
  const mark = `NODENS_DEMO_TEST=${process.pid}-${count++}`;
  const directory = makeTemporaryDirectory('demo');
  const [name, value] = mark.split('=');
  const demo = spawnChild([process.execPath, DEMO, ...flags], { cwd: '/', env: { [name]: value, TMPDIR: directory } });
  t.after(() => demo.stop('SIGKILL'));
  const processes = () => processesWith(mark);
  const left = () => [...processes().map(commandOf), ...readdirSync(directory)];
  return { demo, processes, left };
}

function processesWith(mark: string): number[] {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids.map(Number).filter((pid) => read(pid, 'environ').split('\0').includes(mark));
}

function commandOf(pid: number): string {
  return read(pid, 'cmdline').replaceAll('\0', ' ');
}

/** Empty when the process has ended. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

test('the demo prints one table, and cleans up', { skip }, async (t) => {
  const { demo, left } = startDemo(t, ['-lookups', '12', '-loss', '0', '-delay', '4']);
  await eventually('the end of the demo', () => !demo.running, 100_000);
  assert.equal((await demo.untilExit()).code, 0, demo.stderr());
  const row = (title: string) => {
    const cells = demo
      .stdout()
      .split('\n')
      .find((line) => line.startsWith(title))
      ?.slice(title.length)
      .trim();
    return (cells ?? '').split(/\s+/).map((cell) => Number(cell.replaceAll(',', '')));
  };
  assert.deepEqual(row('look-ups '), [12, 12, 12, 12]);
  assert.deepEqual(row('look-ups that failed'), [0, 0, 0, 0]);
  for (const title of ['upstream packets', 'conntrack entries made']) {
    const [glibc, musl, glibcWith, muslWith] = row(title);
    assert.ok(glibcWith < glibc && muslWith < musl, demo.stdout());
  }
  assert.ok(
    row('look-ups/s that 262,144 entries bear').every((value) => value > 0),
    demo.stdout(),
  );
  await eventually('nothing to be left', () => left().length === 0).catch(() => assert.deepEqual(left(), []));
});

const interruptions = [
  { when: 'while the cluster is set up', sign: 'nsd', flags: ['-lookups', '10'], everybody: false },
  { when: 'while names are looked up', sign: '--pace', flags: ['-lookups', '400', '-loss', '20'], everybody: false },
  {
    when: 'in all of its processes, as a terminal does',
    sign: 'main.ts',
    flags: ['-lookups', '1', '-loss', '0'],
    everybody: true,
  },
];

for (const { when, sign, flags, everybody } of interruptions) {
  test(`the demo leaves nothing behind after SIGINT ${when}`, { skip }, async (t) => {
    const { demo, processes, left } = startDemo(t, flags);
    const runs = () => processes().some((pid) => commandOf(pid).includes(sign));
    await eventually(`${sign} to run`, () => runs() || !demo.running, 60_000);
    assert.ok(demo.running, demo.stderr());
    for (const pid of everybody ? processes() : [demo.pid]) interrupt(pid);
    assert.equal((await demo.untilExit()).code, 130, demo.stderr());
    await eventually('nothing to be left', () => left().length === 0).catch(() => assert.deepEqual(left(), []));
  });
}

function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch {
    // It has ended meanwhile.
  }
}

test('the demo says that it needs root', { skip: skip || missing('setpriv') }, async () => {
  const asNobody = [findProgram('setpriv') ?? 'setpriv', '--reuid=65534', '--clear-groups'];
  const demo = spawnChild([...asNobody, process.execPath, DEMO], { cwd: '/' });
  assert.equal((await demo.untilExit()).code, 1);
  assert.equal(demo.stderr(), 'demo: needs root, for network namespaces and their rules: sudo npm run demo\n');
});
