/** The Corefile that node-cache's template, the ConfigMaps and the flags make together. */
import type { Corefile, Key } from '../corefile/cursor.ts';
import type { Environment } from '../corefile/environment.ts';
import { ConfigError } from '../corefile/errors.ts';
import { parseCorefile } from '../corefile/parse.ts';
import { COREDNS_DIRECTIVES } from '../directives/order.ts';
import { parseTarget } from '../upstream/endpoint.ts';
import { isSubdomain } from '../wire/name.ts';
import type { ClusterDns } from './cluster-dns.ts';
import type { ClusterZone, ClusterZones } from './coredns.ts';
import type { KubeDns, StubDomain } from './kube-dns.ts';
import { type Line, textOf } from './line.ts';
import { type ClusterStyle, clusterBlock, type Place, stubBlock } from './local-blocks.ts';
import { checkResolved, type Fallback, fillTemplate, type Pillars } from './template.ts';

const ROOT_ZONE = '.';
const REVERSE_ZONE = 'arpa.';

export type NodeSettings = {
  /** Path of the template. */
  readonly template: string;
  /** What imports are relative to: where the Corefile is written to. */
  readonly file: string;
  readonly env: Environment;
  /** Port of keys without one, and of the blocks that are added. */
  readonly port: number;
  /** The addresses of -localip, with blanks between. */
  readonly localDns: string | undefined;
  readonly clusterDns: ClusterDns;
  readonly fallback: Fallback;
};

export type NodeInputs = {
  readonly template: string;
  readonly kubeDns: KubeDns;
  /** Undefined: the Corefile of the cluster DNS is not known. */
  readonly cluster: ClusterZones | undefined;
};

export type NodeCorefile = {
  /** Errors and `explain` name the places that its words come from. */
  readonly corefile: Corefile;
  /** The text, with the place that each line comes from. */
  readonly lines: readonly Line[];
  /** Those that have a block. */
  readonly stubDomains: readonly StubDomain[];
  /** What was left out, a line each: all else is served. */
  readonly faults: readonly string[];
};

/** Throws ConfigError or ConfigErrors where the template is at fault. */
export function nodeCorefile(settings: NodeSettings, { template, kubeDns, cluster }: NodeInputs): NodeCorefile {
  const { localDns, clusterDns, fallback, port } = settings;
  const pillars: Pillars = { localDns, clusterDns, fallback, upstreamServers: kubeDns.upstreamServers };
  const filled = fillTemplate(template, settings.template, pillars);
  const main = parse(filled.lines, settings);
  if (main.blocks.length === 0) {
    throw new ConfigError({ file: settings.template, line: 1 }, 'the template has no server block');
  }
  checkResolved(main, settings.template, pillars);

  const place = { port, localDns };
  const known = new KnownZones(main, port, clusterDns);
  const stubs = chooseStubs(kubeDns.stubDomains, known);
  const forCluster = chooseClusterZones(cluster, known, stubs.taken, clusterDns);
  const added = [
    ...stubs.taken.map((stub) => stubBlock(stub, place)),
    ...clusterLines(forCluster.taken, place, known.style),
  ].map((lines) => ({ lines, corefile: parse(lines, settings) }));

  const corefiles = [main, ...added.map(({ corefile }) => corefile)];
  const warnings = [...filled.warnings, ...corefiles.flatMap((corefile) => corefile.warnings), ...stubs.warnings];
  return {
    corefile: {
      blocks: corefiles.flatMap(({ blocks }) => blocks),
      warnings: [...warnings, ...(cluster?.warnings ?? [])],
      sources: main.sources,
    },
    lines: appended(
      filled.lines,
      added.flatMap(({ lines }) => lines),
    ),
    stubDomains: stubs.taken,
    faults: [...stubs.faults, ...forCluster.faults],
  };
}

/** Behind the template's last line; the text ends in a line break. */
function appended(template: readonly Line[], added: readonly Line[]): readonly Line[] {
  if (added.length === 0) return template;
  const lines = template.at(-1)?.text === '' ? template.slice(0, -1) : template;
  return [...lines, ...added, { text: '', at: added[0].at }];
}

/** Each part is parsed by itself: a template may end in a block without braces. */
function parse(lines: readonly Line[], { file, env, port }: NodeSettings): Corefile {
  const origins = lines.map(({ at }) => at);
  return parseCorefile(textOf(lines), file, { env, defaultPort: port, directiveNames: COREDNS_DIRECTIVES, origins });
}

/** The zones of the template on the port that is added to, and how it asks the cluster DNS. */
class KnownZones {
  readonly style: ClusterStyle | undefined;
  /** Longest first. */
  readonly #keys: readonly Key[];
  readonly #asksCluster: ReadonlySet<Key>;

  constructor({ blocks }: Corefile, port: number, clusterDns: ClusterDns) {
    const address = 'address' in clusterDns ? clusterDns.address : undefined;
    const lines = blocks.flatMap(({ directives }) => directives);
    const asking = blocks.flatMap(({ keys, directives }) => {
      const forward = directives.find(({ name, args }) => {
        const [from, ...targets] = args;
        return (
          name.text === 'forward' && from?.text === ROOT_ZONE && targets.some(({ text }) => addressOf(text) === address)
        );
      });
      return forward === undefined ? [] : [{ keys, forward }];
    });
    this.#keys = blocks
      .flatMap(({ keys }) => keys.filter((key) => key.port === port && key.zone !== ROOT_ZONE))
      .toSorted((a, b) => b.zone.length - a.zone.length);
    this.#asksCluster = new Set(asking.flatMap(({ keys }) => keys));
    this.style =
      address === undefined
        ? undefined
        : {
            clusterDns: address,
            forward: asking[0]?.forward,
            prometheus: lines.find(({ name }) => name.text === 'prometheus'),
          };
  }

  /** The key whose block answers a zone, but for the root. */
  around(zone: string): Key | undefined {
    return this.#keys.find((key) => isSubdomain(zone, key.zone));
  }

  /** Whether a zone's names are asked of the cluster DNS by the template already. */
  isAskedOfCluster(zone: string): boolean {
    const key = this.around(zone);
    return key !== undefined && (key.zone === zone || this.#asksCluster.has(key));
  }
}

function addressOf(target: string): string | undefined {
  const parsed = parseTarget(target);
  return 'endpoint' in parsed ? parsed.endpoint.address : undefined;
}

type Chosen<T> = {
  readonly taken: readonly T[];
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
};

/** A zone of the template stays the template's: a ConfigMap cannot take it away, nor keep the rest from being served. */
function chooseStubs(stubs: readonly StubDomain[], known: KnownZones): Chosen<StubDomain> {
  const faults: string[] = [];
  const warnings: string[] = [];
  const taken = stubs.filter(({ domain, servers, at }) => {
    const zone = `${domain}.`;
    const key = known.around(zone);
    if (key === undefined) return true;
    const owner = `${key.token.file}:${key.token.line}`;
    if (key.zone === zone) {
      const advice = 'it is left out; remove it from the one or the other';
      faults.push(
        new ConfigError(at, `stub domain "${domain}" is a zone of the template already (${owner}); ${advice}`).message,
      );
      return false;
    }
    if (!isSubdomain(zone, REVERSE_ZONE)) {
      const effect = `its names are asked of ${servers.join(' ')} instead`;
      warnings.push(
        new ConfigError(at, `stub domain "${domain}" lies within the zone "${key.zone}" (${owner}); ${effect}`).message,
      );
    }
    return true;
  });
  return { taken, faults, warnings };
}

function chooseClusterZones(
  cluster: ClusterZones | undefined,
  known: KnownZones,
  stubs: readonly StubDomain[],
  clusterDns: ClusterDns,
): Chosen<ClusterZone> {
  const stubbed = new Set(stubs.map(({ domain }) => `${domain}.`));
  const isWanted = ({ zone }: ClusterZone) => !stubbed.has(zone) && !known.isAskedOfCluster(zone);
  const wanted = cluster?.zones.filter(isWanted) ?? [];
  if (wanted.length === 0 || 'address' in clusterDns) return { taken: wanted, faults: [], warnings: [] };
  const [{ at }] = wanted;
  const names = wanted.map(({ zone }) => zone).join(' ');
  const fault = new ConfigError(at, `zones of the cluster DNS cannot be asked of it (${names}): ${clusterDns.problem}`);
  return { taken: [], faults: [fault.message], warnings: [] };
}

function clusterLines(zones: readonly ClusterZone[], place: Place, style: ClusterStyle | undefined): Line[][] {
  return zones.length === 0 || style === undefined ? [] : [clusterBlock(zones, place, style)];
}
