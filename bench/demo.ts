/** What a node's pods gain from nodens, in one table: the same look-ups without it and with it. README.md tells how. */
import { FlagError, type FlagSpec, parseFlags, usage } from '../src/cli/flags.ts';
import { Cluster, clusterUnavailable } from '../test/netns/cluster.ts';
import { GETADDRINFO_PROGRAMS, type Libc } from '../test/peers/getaddrinfo.ts';
import { missing } from '../test/support/programs.ts';
import { lookUp } from './demo/look-ups.ts';
import { layPath, type PathOptions, readTraffic, SERVER_PORT } from './demo/path.ts';
import { formatReport, type Trial } from './demo/report.ts';
import { takeOver } from './demo/take-over.ts';

const FLAGS = [
  { name: 'lookups', kind: 'int', default: 400, min: 1, max: 5000, help: 'look-ups for each column' },
  { name: 'loss', kind: 'int', default: 1, min: 0, max: 50, help: 'percent of the packets lost, in each direction' },
  { name: 'delay', kind: 'int', default: 10, min: 0, max: 1000, help: 'milliseconds to the DNS pods and back' },
] as const satisfies readonly FlagSpec[];

const LIBCS: readonly Libc[] = ['glibc', 'musl'];

try {
  const { lookups, loss, delay } = readFlags(process.argv.slice(2));
  requireRoot();
  const path = { lossPercent: loss, delayMs: delay };
  const trials: Trial[] = [];
  for (const withNodens of [false, true]) {
    for (const libc of LIBCS) trials.push(await tryOut(libc, withNodens, lookups, path));
  }
  console.log(
    `names as pods look them up (ndots:5, three suffixes), DNS ${delay} ms away, ${loss} % loss in each direction\n`,
  );
  console.log(formatReport(trials));
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : error}`);
  process.exit(error instanceof FlagError ? 2 : 1);
}

function readFlags(argv: readonly string[]) {
  const { values, rest, help } = parseFlags(argv, FLAGS);
  if (rest.length > 0) throw new FlagError(`unexpected "${rest[0]}"`);
  if (!help) return values;
  console.log(usage('npm run demo --', FLAGS).trimEnd());
  process.exit(0);
}

function requireRoot(): void {
  if (process.getuid?.() !== 0)
    throw new Error('needs root, for network namespaces and their rules: sudo npm run demo');
  const reason = missing(...GETADDRINFO_PROGRAMS) || clusterUnavailable('nftables');
  if (reason) throw new Error(reason);
}

/** A new cluster for each, so that no trial finds what another one has left in a cache or in a table. */
async function tryOut(libc: Libc, withNodens: boolean, count: number, path: PathOptions): Promise<Trial> {
  const title = `${libc}${withNodens ? ', nodens' : ''}`;
  console.error(`${libc}, ${withNodens ? 'with' : 'without'} nodens: ${count} look-ups`);
  const ends: (() => Promise<void>)[] = [];
  try {
    const owner = { after: (end: () => Promise<void>) => void ends.push(end) };
    const cluster = await Cluster.create(owner, { proxy: 'nftables', dnsServerPort: SERVER_PORT });
    await layPath(cluster, path);
    if (withNodens) await takeOver(cluster);
    const before = await readTraffic(cluster);
    const lookUps = await lookUp(cluster.pods[0], libc, count);
    const after = await readTraffic(cluster);
    const packets = after.packets - before.packets;
    const conntrackEntries = after.conntrackEntries - before.conntrackEntries;
    return { title, libc, lookUps, traffic: { packets, conntrackEntries } };
  } finally {
    for (const end of ends) await end();
  }
}
