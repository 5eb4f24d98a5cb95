/** What nodens keeps of the capabilities that it is started with, in each of its threads. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type CapabilitySets, capabilitySet, parseCapabilities, readCapabilities } from '../src/sys/capabilities.ts';
import { makeTemporaryDirectory, run } from './support/child.ts';
import { askUdp } from './support/client.ts';
import { type Nodens, type NodensOptions, startNodens } from './support/nodens.ts';
import { findProgram, missing } from './support/programs.ts';

const root = join(import.meta.dirname, '..');
const COREFILE = '.:{PORT} {\n bind 127.0.0.1\n cache\n whoami\n}';
const NEEDED = capabilitySet('CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW');
const TWO = capabilitySet('CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE');
const WARNING = /^\[WARNING\] .*capabilities/m;

const here = readCapabilities();
const bounding = here?.bounding ?? 0n;

/** For the `skip` option: false where this process may start others with any of the capabilities that the tests are about. */
function unavailable(): string | false {
  const absent = missing('setpriv');
  if (absent) return absent;
  const wanted = NEEDED | capabilitySet('CAP_SETPCAP', 'CAP_SETUID');
  return here !== undefined && (here.effective & wanted) === wanted ? false : 'needs root with CAP_NET_ADMIN';
}

/** With these capabilities and no others, as root or as somebody else. */
function setpriv(names: string, isRoot: boolean, barred = `-all,${names}`): string[] {
  const user = isRoot ? [] : ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const given = [`--inh-caps=-all,${names}`, `--ambient-caps=-all,${names}`];
  return [findProgram('setpriv') ?? 'setpriv', ...user, `--bounding-set=${barred}`, ...(isRoot ? [] : given), '--'];
}

function start(options: Partial<NodensOptions>): Promise<Nodens> {
  return startNodens({ corefile: COREFILE, flags: ['-responders', '2'], ...options });
}

function setsOfThreads({ pid }: Nodens): CapabilitySets[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const sets = parseCapabilities(readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1'));
    assert.ok(sets !== undefined);
    return sets;
  });
}

/** Whether it has started all over again. */
function wasExecutedAgain({ pid }: Nodens): boolean {
  return readFileSync(`/proc/${pid}/environ`, 'latin1').includes('NODENS_EXECUTED_AGAIN=');
}

/** Every thread, those of V8 as well, has just what is wanted in each set that it is named for. */
function assertSets(nodens: Nodens, want: Partial<CapabilitySets>): void {
  const threads = setsOfThreads(nodens);
  assert.ok(threads.length > 3, `${threads.length} threads`);
  for (const sets of threads) assert.deepEqual({ ...sets, ...want }, sets);
}

const only = (set: bigint): Partial<CapabilitySets> => ({ permitted: set, effective: set, inheritable: set });

const cases: readonly {
  readonly name: string;
  readonly prefix: readonly string[];
  readonly want: Partial<CapabilitySets>;
  readonly again: boolean;
}[] = [
  { name: 'root', prefix: [], want: { ...only(NEEDED), bounding: NEEDED }, again: true },
  {
    name: 'root in a container that has been given the two',
    prefix: setpriv('+net_admin,+net_bind_service', true),
    want: { permitted: TWO, effective: TWO, bounding: TWO },
    again: false,
  },
  {
    name: 'nobody with the two',
    prefix: setpriv('+net_admin,+net_bind_service', false),
    want: { ...only(TWO), ambient: TWO, bounding: TWO },
    again: false,
  },
  {
    name: 'nobody with the two and others',
    prefix: setpriv('+net_admin,+net_bind_service,+chown,+sys_ptrace', false, '+all'),
    want: { ...only(TWO), ambient: TWO, bounding },
    again: true,
  },
  {
    name: 'nobody who may bar them, too',
    prefix: setpriv('+net_admin,+setpcap', false, '+all'),
    want: { ...only(capabilitySet('CAP_NET_ADMIN')), bounding: NEEDED },
    again: true,
  },
  {
    name: 'nobody without any',
    prefix: setpriv('-all', false),
    want: { ...only(0n), ambient: 0n },
    again: false,
  },
];

const NO_FILE_CAPABILITIES = await withoutFileCapabilities();

describe('each thread has what is needed, and no more', { concurrency: 3, skip: unavailable() }, () => {
  for (const { name, prefix, want, again } of cases) {
    test(name, async (t) => {
      const nodens = await start({ prefix });
      t.after(() => nodens.stop());
      await nodens.untilOutput(/nodens-/);
      assertSets(nodens, want);
      assert.equal(wasExecutedAgain(nodens), again);
      assert.doesNotMatch(nodens.stdout(), WARNING);
      assert.deepEqual(await nodens.stop(), { code: 0, signal: null });
      assert.equal(nodens.stderr(), '');
    });
  }

  test('a file with capabilities: programs are to have them, too', { skip: NO_FILE_CAPABILITIES }, async (t) => {
    const nodens = await start({
      executable: await checkoutWithFileCapabilities('cap_net_admin,cap_net_bind_service=ep'),
      prefix: setpriv('-all', false, '+all'),
    });
    t.after(() => nodens.stop());
    await nodens.untilOutput(/nodens-/);
    assertSets(nodens, { permitted: TWO, effective: TWO });
    const main = parseCapabilities(readFileSync(`/proc/${nodens.pid}/status`, 'latin1'));
    assert.deepEqual([main?.inheritable, main?.ambient], [TWO, TWO]);
    assert.doesNotMatch(nodens.stdout(), WARNING);
  });
});

describe('where they cannot be given up, it is said, and nodens serves', {
  concurrency: 3,
  skip: unavailable(),
}, () => {
  const refusals = [
    { name: 'root that may bar none', prefix: setpriv('', true, '-setpcap'), env: {} },
    { name: 'root for whom a second execution has changed nothing', prefix: [], env: { NODENS_EXECUTED_AGAIN: '1' } },
    {
      name: 'a file that brings them again',
      file: 'cap_net_admin,cap_chown=ep',
      prefix: setpriv('-all', false, '+all'),
      env: {},
    },
  ];
  for (const { name, prefix, env, file } of refusals) {
    test(name, { skip: file !== undefined && NO_FILE_CAPABILITIES }, async (t) => {
      const executable = file === undefined ? {} : { executable: await checkoutWithFileCapabilities(file) };
      const nodens = await start({ prefix, env, ...executable });
      t.after(() => nodens.stop());
      const [line] = await nodens.untilOutput(/^\[WARNING\] some threads keep capabilities.*$/m);
      assert.match(line, /CAP_CHOWN/);
      assert.equal((await askUdp(nodens, { qname: 'www.example.org' })).rcode, 'NOERROR');
      const main = parseCapabilities(readFileSync(`/proc/${nodens.pid}/status`, 'latin1'));
      assert.equal((main?.permitted ?? NEEDED) & ~NEEDED, 0n);
    });
  }
});

test('root reads and writes its own files, whoever else may not', { skip: unavailable() }, async (t) => {
  const directory = makeTemporaryDirectory('private');
  chmodSync(directory, 0o700);
  const pidfile = join(directory, 'pid');
  const nodens = await start({ flags: ['-pidfile', pidfile] });
  t.after(() => nodens.stop());
  await nodens.untilOutput(/nodens-/);
  assert.equal(readFileSync(pidfile, 'utf8'), `${nodens.pid}\n`);
  chmodSync(nodens.corefilePath, 0o600);
  nodens.writeCorefile(`${COREFILE}\n.:{PORT2} {\n bind 127.0.0.1\n whoami\n}`);
  assert.equal(statSync(nodens.corefilePath).mode & 0o777, 0o600);
  nodens.kill('SIGUSR1');
  await nodens.untilOutput(/Reloading complete/);
});

/** For the `skip` option: false where a file in a temporary directory can bring capabilities (some are mounted without). */
async function withoutFileCapabilities(): Promise<string | false> {
  const absent = unavailable() || missing('setcap');
  if (absent) return absent;
  const directory = makeTemporaryDirectory('file');
  const cat = join(directory, 'cat');
  copyFileSync(findProgram('cat') ?? 'cat', cat);
  try {
    await run([findProgram('setcap') ?? 'setcap', 'cap_net_admin=ep', cat], { cwd: directory });
    const status = await run([...setpriv('-all', false, '+all'), cat, '/proc/self/status'], { cwd: directory });
    if (parseCapabilities(status)?.permitted === capabilitySet('CAP_NET_ADMIN')) return false;
  } catch {
    // Said below.
  }
  return 'needs file capabilities in the temporary directory';
}

/** A checkout like this one whose Node has file capabilities; gives its `bin/nodens`. */
async function checkoutWithFileCapabilities(text: string): Promise<string> {
  const directory = makeTemporaryDirectory('checkout');
  const node = join(directory, 'node_modules/.bin/node');
  mkdirSync(join(directory, 'node_modules/.bin'), { recursive: true });
  mkdirSync(join(directory, 'bin'));
  copyFileSync(join(root, 'bin/nodens'), join(directory, 'bin/nodens'));
  copyFileSync(process.execPath, node);
  symlinkSync(join(root, 'src'), join(directory, 'src'));
  await run([findProgram('setcap') ?? 'setcap', text, node], { cwd: directory });
  return join(directory, 'bin/nodens');
}
