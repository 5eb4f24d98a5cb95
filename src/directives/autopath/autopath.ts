import { readFile } from 'node:fs/promises';
import type { Cursor, Key } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectArgs, expectNoBody, parseZones, unknownProperty } from '../../corefile/values.ts';
import { parseSearchList } from '../../upstream/resolv-conf.ts';
import { HEADER_BYTES, OPCODE_QUERY, RCODE_NXDOMAIN } from '../../wire/header.ts';
import { isSubdomain, nameFromText, readName, type WireName } from '../../wire/name.ts';
import { CLASS_IN } from '../../wire/types.ts';
import type { Block, Directive, Handler, Outcome } from '../contract.ts';
import { clusterPath, fixedPath, type SearchPath } from './search-path.ts';
import { walk } from './walk.ts';

const NAME = 'autopath';
const FROM_QUERY = '@query';
const DEFAULT_CLUSTER_DOMAIN = 'cluster.local.';
const REVERSE = 'arpa.';
/** As many as Kubernetes lets a pod have. */
const MAX_DOMAINS = 32;
/** As many as resolvers have known for long. With more a query could lead to too many others, as dns64 asks twice. */
const MAX_NODE_DOMAINS = 6;

export type AutopathConfig = {
  /** Lower case, with final dot. */
  readonly zones: readonly string[];
  /** The file with the clients' search list or, of a cluster, with the node's. */
  readonly file: Token | undefined;
  /** Undefined: the search list is that of the file. */
  readonly cluster: { readonly domains: readonly string[] } | undefined;
};

/** Syntax: `autopath [ZONES...] RESOLV_CONF` or `autopath [ZONES...] @query { cluster_domain NAME... ; resolv_conf FILE }` */
export function parse(cursor: Cursor, keys: readonly Key[]): AutopathConfig {
  const source = cursor.args.at(-1);
  if (source === undefined) throw cursor.error(`no resolv-conf specified; expected [ZONES...] FILE or ${FROM_QUERY}`);
  const given = parseZones(cursor.args.slice(0, -1));
  const zones = given.length > 0 ? given : keys.map(({ zone }) => zone);
  if (source.text === FROM_QUERY) return parseCluster(cursor, zones);
  if (source.text.startsWith('@')) {
    throw cursor.error(
      `"${source.text}" would need to know all pods; ${FROM_QUERY} reads the namespace instead`,
      source,
    );
  }
  expectNoBody(cursor);
  return { zones, file: source, cluster: undefined };
}

function parseCluster(cursor: Cursor, zones: readonly string[]): AutopathConfig {
  let domains: string[] | undefined;
  let file: Token | undefined;
  for (const property of cursor.body) {
    expectNoBody(property);
    switch (property.name.text) {
      case 'cluster_domain':
        expectArgs(property, 1, Number.POSITIVE_INFINITY);
        domains = property.args.map((token) => parseDomain(property, token));
        break;
      case 'resolv_conf':
        expectArgs(property, 1, 1);
        file = property.args[0];
        break;
      default:
        throw unknownProperty(property, ['cluster_domain', 'resolv_conf']);
    }
  }
  return { zones, file, cluster: { domains: domains ?? clusterDomains(zones) } };
}

function parseDomain(property: Cursor, token: Token): string {
  const [zone] = nameFromText(token.text) === undefined ? [] : parseZones([token]);
  if (zone !== undefined && zone !== '.') return zone;
  throw property.error(`cluster_domain must be a name such as ${DEFAULT_CLUSTER_DOMAIN}, got "${token.text}"`, token);
}

/** The zones themselves, but those of everything and of addresses. */
function clusterDomains(zones: readonly string[]): string[] {
  const forward = zones.filter((zone) => zone !== '.' && !isSubdomain(zone, REVERSE));
  return forward.length > 0 ? forward : [DEFAULT_CLUSTER_DOMAIN];
}

function wireNames(names: readonly string[]): WireName[] {
  return names.flatMap((name) => nameFromText(name) ?? []);
}

/** Completes names for clients, so that they need not ask for every domain of their search list. */
function setup(config: AutopathConfig, block: Block) {
  const { zones } = config;
  let path: SearchPath = () => undefined;
  block.onStart(async () => {
    path = await searchPath(config, block);
  });
  const completions = block.process.metrics.counter(
    'coredns_autopath_success_total',
    'Counter of requests that did autopath.',
    ['server'],
  );
  return (next: Handler): Handler =>
    (query) => {
      const { request, qname, qclass, server } = query;
      if (qclass !== CLASS_IN || request.opcode !== OPCODE_QUERY) return next(query);
      if (!zones.some((zone) => isSubdomain(qname, zone))) return next(query);
      const name = readName(request.bytes, HEADER_BYTES);
      const search = name && path(name);
      if (search === undefined) return next(query);
      return walk(query, search, path, next).then((outcome) => {
        if (isSuccess(outcome)) completions.labels(server).inc();
        return outcome;
      });
    };
}

async function searchPath({ file, cluster }: AutopathConfig, block: Block): Promise<SearchPath> {
  const max = cluster === undefined ? MAX_DOMAINS : MAX_NODE_DOMAINS;
  const searchList = file === undefined ? [] : await readSearchList(file.text, max);
  if (cluster !== undefined) return clusterPath(wireNames(cluster.domains), searchList);
  if (searchList.length === 0) {
    block.log.plugin(NAME).warning(`"${file?.text}" has no search list: no name is completed`);
  }
  return fixedPath(searchList);
}

async function readSearchList(path: string, max: number): Promise<WireName[]> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new Error(`failed to parse "${path}": ${cause.message}`, { cause });
  });
  const searchList = parseSearchList(text);
  if (searchList.length <= max) return searchList;
  throw new Error(`"${path}" has ${searchList.length} search domains, at most ${max} can be tried`);
}

function isSuccess({ response }: Outcome): boolean {
  return response !== undefined && response.rcode !== RCODE_NXDOMAIN;
}

/** Whether the name can be one that a resolver has completed. */
function concerns({ zones, cluster }: AutopathConfig, qname: string): boolean {
  if (!zones.some((zone) => isSubdomain(qname, zone))) return false;
  const name = nameFromText(qname);
  return (
    cluster === undefined || (name !== undefined && clusterPath(wireNames(cluster.domains), [])(name) !== undefined)
  );
}

export const autopath: Directive<AutopathConfig> = { name: NAME, repeat: 'last', parse, setup, concerns };
