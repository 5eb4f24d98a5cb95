import type { Cursor, Key } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody, parseDuration, parseInteger, parseZones } from '../../corefile/values.ts';
import { RCODE_NOERROR, RCODE_SERVFAIL } from '../../wire/header.ts';
import { isSubdomain, nameFromText, ROOT_NAME } from '../../wire/name.ts';
import { addressOfReverseName } from '../../wire/reverse-name.ts';
import { CLASS_IN, TYPE_A, TYPE_AAAA, TYPE_PTR } from '../../wire/types.ts';
import type { Block, Directive, Handler, Outcome, Query } from '../contract.ts';
import { localReply } from '../local-reply.ts';
import { HostsFile } from './hosts-file.ts';
import { HostsTable } from './table.ts';

const NAME = 'hosts';
const DEFAULT_FILE = '/etc/hosts';
const DEFAULT_TTL = 3600;
const MAX_TTL = 65535;
const DEFAULT_RELOAD_MS = 5000;
const MAX_RELOAD_MS = 2 ** 31 - 1; // A timer takes no more.
const EVERYTHING = ['.'];

export type HostsConfig = {
  readonly path: string;
  readonly isDefaultFile: boolean;
  readonly zones: readonly string[];
  /** Lines as of a hosts file that stand in the Corefile. */
  readonly inline: readonly InlineLine[];
  readonly ttl: number;
  readonly withReverse: boolean;
  readonly reloadMs: number;
  /** Names under these zones that are not known go to the next directive. */
  readonly fallthrough: readonly string[];
};
type InlineLine = { readonly text: string; readonly at: Cursor };

/** Syntax: `hosts [FILE [ZONES...]] { INLINE... ; ttl SECONDS ; no_reverse ; reload DURATION ; fallthrough [ZONES...] }` */
export function parse(cursor: Cursor, keys: readonly Key[]): HostsConfig {
  const [file, ...zoneTokens] = cursor.args;
  const zones = parseZones(zoneTokens);
  const inline: InlineLine[] = [];
  const options = { ttl: DEFAULT_TTL, withReverse: true, reloadMs: DEFAULT_RELOAD_MS };
  let fallthrough: readonly string[] | undefined;
  for (const property of cursor.body) {
    expectNoBody(property);
    switch (property.name.text) {
      case 'ttl':
        expectArgs(property, 1, 1);
        options.ttl = parseInteger(property, property.args[0], { min: 1, max: MAX_TTL });
        break;
      case 'no_reverse':
        expectArgs(property, 0, 0);
        options.withReverse = false;
        break;
      case 'reload':
        expectArgs(property, 1, 1);
        options.reloadMs = Math.min(parseDuration(property, property.args[0], { minMs: 0 }), MAX_RELOAD_MS);
        break;
      case 'fallthrough':
        fallthrough = property.args.length === 0 ? EVERYTHING : parseZones(property.args);
        break;
      default:
        if (fallthrough !== undefined) throw behindFallthrough(property);
        inline.push({ text: [property.name, ...property.args].map(({ text }) => text).join(' '), at: property });
    }
  }
  return {
    path: file?.text ?? DEFAULT_FILE,
    isDefaultFile: file === undefined,
    zones: zoneTokens.length === 0 ? keys.map(({ zone }) => zone) : zones,
    inline,
    ...options,
    fallthrough: fallthrough ?? [],
  };
}

function behindFallthrough(property: Cursor) {
  const rule = 'expected ttl, no_reverse, reload or fallthrough; entries must stand before fallthrough';
  return property.error(`unknown property "${property.name.text}"; ${rule}`);
}

function setup(config: HostsConfig, block: Block) {
  const { path, isDefaultFile, zones, inline, withReverse, reloadMs } = config;
  const log = block.log.plugin(NAME);
  const { metrics } = block.process;
  const entries = metrics.gauge('coredns_hosts_entries', 'Entries in hosts and of Corefile.', ['hostsfile']);
  const changedAt = metrics.gauge('coredns_hosts_reload_timestamp_seconds', 'When the hosts file was last changed.');
  const own = new HostsTable({ zones, withReverse });
  for (const { text, at } of inline) {
    const fault = `"${at.name.text}" is no address, nor a property of hosts; the line is ignored`;
    if (!own.add(text)) block.log.warning(at.error(fault).message);
  }
  const gauges = { entries: entries.labels(path), changedAt: changedAt.labels() };
  gauges.entries.set(own.count);
  const file = new HostsFile({ path, isDefault: isDefaultFile, reloadMs, zones, withReverse }, own.count, log, gauges);
  block.onStart(() => file.open());
  block.onStop(() => file.close());
  return (next: Handler): Handler =>
    (query) =>
      handle(config, [file.table, own], query, next);
}

/** Answers for the names and addresses that it has, first those of the file. */
function handle(config: HostsConfig, tables: readonly HostsTable[], query: Query, next: Handler) {
  const { qname, qtype } = query;
  if (query.qclass !== CLASS_IN) return next(query);
  if (qtype === TYPE_PTR) {
    const address = addressOfReverseName(qname);
    const names = address === undefined ? [] : tables.flatMap((table) => table.names(address));
    return names.length === 0 ? next(query) : answer(config, query, names.map(rdataOfName));
  }
  if (!isIn(config.zones, qname)) return next(query);
  if (tables.some((table) => table.hasName(qname))) {
    const addresses = tables.flatMap((table) => addressesIn(table, qname, qtype));
    return answer(config, query, addresses);
  }
  if (isIn(config.fallthrough, qname)) return next(query);
  return { response: undefined, rcode: RCODE_SERVFAIL, source: '' };
}

function isIn(zones: readonly string[], name: string): boolean {
  return zones.some((zone) => isSubdomain(name, zone));
}

function addressesIn(table: HostsTable, qname: string, qtype: number): readonly Uint8Array[] {
  if (qtype === TYPE_A) return table.addresses(qname, 4);
  return qtype === TYPE_AAAA ? table.addresses(qname, 6) : [];
}

function rdataOfName(name: string): Uint8Array {
  return nameFromText(name) ?? ROOT_NAME;
}

function answer({ ttl }: HostsConfig, query: Query, rdatas: readonly Uint8Array[]): Outcome {
  const common = { owner: rdataOfName(query.qname), type: query.qtype, class: CLASS_IN, ttl };
  const answers = rdatas.map((rdata) => ({ ...common, rdata }));
  return { response: localReply(query, { answers }), rcode: RCODE_NOERROR, source: NAME };
}

export const hosts: Directive<HostsConfig> = {
  name: NAME,
  repeat: 'once',
  parse,
  setup,
  concerns: ({ zones }, qname) => isIn(zones, qname) || addressOfReverseName(qname) !== undefined,
};
