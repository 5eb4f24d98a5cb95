/** Corefiles as they are found in the field: each is started unchanged, on port 53, and answers as is written beside it. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readDig } from '../peers/dig.ts';
import { launchNodens, type Nodens } from '../support/nodens.ts';
import { missing } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';
import { clusterUnavailable } from './cluster.ts';
import { type Case, filesOf, type Instance, instancesOf, type Question, readCorpus } from './corpus.ts';
import { ipLinks } from './readers.ts';
import { batch } from './topology.ts';
import { openWorld, WORLD_PROGRAMS, type World } from './world.ts';

const skip = clusterUnavailable('iptables-nft') || missing(...WORLD_PROGRAMS);
const AT_LEAST = 40;
const QUESTIONS = 3;
/** So many nodes at once, each with a world of its own. */
const LANES = 2;
const START_TIMEOUT_MS = 60_000; // Only a failing test waits this long.
const TIMEOUT_MS = 600_000; // It takes half a minute.
const BETWEEN = '-- answered --';

test('Corefiles of the field', { skip, concurrency: LANES, timeout: TIMEOUT_MS }, async (t) => {
  const corpus = readCorpus();
  assert.ok(corpus.length >= AT_LEAST, `there are only ${corpus.length} Corefiles`);
  const left = [...corpus];
  const worlds = await Promise.all(Array.from({ length: LANES }, () => openWorld(t)));
  await Promise.all(
    worlds.map(async (world) => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) await run(t, world, one);
    }),
  );
});

function run(t: TestContext, world: World, one: Case): Promise<void> {
  return t.test(one.name, () => serve(world, one));
}

/** Starts it as the node's kubelet would, asks it, and leaves the node as it was. */
async function serve(world: World, one: Case): Promise<void> {
  assert.ok(one.questions.length >= QUESTIONS, 'too few questions');
  const takeAway = layOut(world, one);
  await setAddresses(world, one, 'add');
  const instances: Nodens[] = [];
  try {
    for (const instance of instancesOf(one)) {
      const nodens = await start(world, instance);
      instances.push(nodens);
      await eventually('it to serve', () => hasStarted(nodens), START_TIMEOUT_MS);
    }
    await ask(world, one.questions);
    for (const pattern of one.logs ?? []) await instances[0].untilOutput(new RegExp(pattern, 'm'));
    for (const instance of instances) {
      assert.deepEqual(errorsOf(instance, one), []);
      assert.deepEqual(await instance.stop(one.ends), { code: 0, signal: null });
    }
    assert.deepEqual(await addedLinks(world), one.leaves ?? []);
    if (one.leaves !== undefined) await clear(world);
  } catch (cause) {
    await Promise.all(instances.map((instance) => instance.running && instance.stop('SIGKILL')));
    await clear(world);
    const output = instances.map((instance) => instance.stdout() + instance.stderr());
    throw new Error(`${cause instanceof Error ? cause.message : cause}\n${output.join('\n')}`, { cause });
  } finally {
    await setAddresses(world, one, 'delete');
    takeAway();
  }
}

/** Puts its files where it looks for them; gives how to take them away. */
function layOut({ etc }: World, one: Case): () => void {
  const undo = filesOf(one).map(({ source, target }) => {
    const path = join(etc, target);
    const before = existsSync(path) ? readFileSync(path) : undefined;
    mkdirSync(dirname(path), { recursive: true });
    cpSync(source, path);
    return () => (before === undefined ? rmSync(path) : writeFileSync(path, before));
  });
  return () => {
    for (const step of undo) step();
    for (const made of ['coredns', 'kube-dns', 'Corefile']) rmSync(join(etc, made), { recursive: true, force: true });
  };
}

async function setAddresses({ node }: World, { addresses = [] }: Case, action: 'add' | 'delete'): Promise<void> {
  if (addresses.length > 0)
    await batch(
      node,
      addresses.map((address) => `address ${action} ${address} dev lo`),
    );
}

function start({ node, certificates }: World, { args, env }: Instance): Promise<Nodens> {
  return launchNodens({
    corefile: '',
    flags: args,
    prefix: node.enter,
    env: { ...node.env, SSL_CERT_FILE: certificates, ...env },
  });
}

/** It says its version when all is set up, the node's addresses included. */
function hasStarted(nodens: Nodens): boolean {
  if (!nodens.running) throw new Error('it has ended');
  return /^nodens-\d/m.test(nodens.stdout());
}

/** One after the other, each once, with a time-out above all of the server's. */
async function ask({ node }: World, questions: readonly Question[]): Promise<void> {
  const commands = questions.map(({ dig }) => `dig -r +tries=1 +timeout=10 ${dig}; echo '${BETWEEN}'`);
  const texts = (await node.exec(['sh', '-c', commands.join('\n')])).split(`${BETWEEN}\n`);
  for (const [index, { dig, status, answer = [], shows = [] }] of questions.entries()) {
    const text = texts[index] ?? '';
    const got = readDig(text);
    const records = got.answer.map((record) => asWritten(record, answer)).sort();
    assert.deepEqual({ dig, status: got.status, answer: records }, { dig, status, answer: [...answer].sort() });
    for (const pattern of shows) assert.match(text, new RegExp(pattern, 'm'));
  }
}

/** Without its class; without its TTL where any will do. */
function asWritten(record: string, expected: readonly string[]): string {
  const whole = record.replace(/ (IN|CH) /, ' ');
  const anyTtl = whole.replace(/ \d+ /, ' * ');
  return expected.includes(anyTtl) ? anyTtl : whole;
}

/** But for the probes of `loop`, which a busy machine may hold up. */
function errorsOf(nodens: Nodens, { errors }: Case): string[] {
  const lines = nodens
    .stdout()
    .split('\n')
    .filter((line) => /^\[(ERROR|FATAL)\]/.test(line) && !line.includes(' HINFO: '));
  return errors === undefined ? lines : lines.filter((line) => !new RegExp(errors).test(line));
}

/** Links that are not the test bed's. */
async function addedLinks({ node }: World): Promise<string[]> {
  const names = (await ipLinks(node)).map(({ ifname }) => ifname);
  return names.filter((name) => name !== 'lo' && name !== 'dns0').sort();
}

/** Takes away what is to stay after the end, and what a failure has left. */
async function clear(world: World): Promise<void> {
  const links = await addedLinks(world);
  if (links.length === 0) return;
  const commands = [
    'nft delete table inet nodens 2>/dev/null || true',
    ...links.map((link) => `ip link delete ${link}`),
  ];
  await world.node.exec(['sh', '-c', commands.join('\n')]);
}
