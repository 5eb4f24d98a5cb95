import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody, parseDuration, unknownProperty } from '../../corefile/values.ts';
import { type Cidr, parseCidr } from '../../wire/cidr.ts';
import { RCODE_NOERROR } from '../../wire/header.ts';
import { TYPE_AXFR, TYPE_IXFR } from '../../wire/types.ts';
import { after } from '../after.ts';
import type { Block, Directive, Handler, Outcome, Query } from '../contract.ts';
import { prefer } from './prefer.ts';
import { type Arrange, reorder } from './reorder.ts';
import { type Random, roundRobin } from './round-robin.ts';
import { WeightFile, type WeightFileOptions } from './weight-file.ts';
import { weighted } from './weighted.ts';

const NAME = 'loadbalance';
const DEFAULT_RELOAD_MS = 30_000;
const MAX_RELOAD_MS = 2 ** 31 - 1; // A timer takes no more.

export type LoadbalanceConfig = {
  /** With the policy `weighted`. */
  readonly weightFile: WeightFileOptions | undefined;
  readonly preferred: readonly Cidr[];
};

/** Syntax: `loadbalance [round_robin | weighted FILE] { reload DURATION ; prefer CIDR... }` */
export function parse(cursor: Cursor): LoadbalanceConfig {
  const path = parsePolicy(cursor);
  let reloadMs = DEFAULT_RELOAD_MS;
  const preferred: Cidr[] = [];
  for (const property of cursor.body) {
    expectNoBody(property);
    if (property.name.text === 'prefer') {
      preferred.push(...parsePrefixes(property));
    } else if (property.name.text === 'reload' && path !== undefined) {
      expectArgs(property, 1, 1);
      reloadMs = Math.min(parseDuration(property, property.args[0], { minMs: 0 }), MAX_RELOAD_MS);
    } else {
      throw unknownProperty(property, path === undefined ? ['prefer'] : ['reload', 'prefer']);
    }
  }
  return { weightFile: path === undefined ? undefined : { path, reloadMs }, preferred };
}

/** The path of the weight file, if the policy has one. */
function parsePolicy(cursor: Cursor): string | undefined {
  const [policy, file, extra] = cursor.args;
  if (policy === undefined) return undefined;
  if (policy.text === 'round_robin') {
    expectArgs(cursor, 1, 1);
    return undefined;
  }
  if (policy.text !== 'weighted') {
    throw cursor.error(`unknown policy: "${policy.text}", expected round_robin or weighted`, policy);
  }
  if (file === undefined) throw cursor.error('missing weight file argument, expected weighted FILE', policy);
  if (extra !== undefined) throw cursor.error(`unexpected argument(s) after FILE: "${extra.text}"`, extra);
  return file.text;
}

function parsePrefixes(property: Cursor): Cidr[] {
  expectArgs(property, 1, Number.POSITIVE_INFINITY);
  return property.args.map((token) => {
    const prefix = parseCidr(token.text);
    if (prefix !== undefined) return prefix;
    throw property.error(`invalid CIDR "${token.text}", expected one such as 192.0.2.0/24 or 2001:db8::/32`, token);
  });
}

/** Gives the records of each answer another order, so that clients which take the first address spread their load. */
export function balance({ weightFile, preferred }: LoadbalanceConfig, block: Block, random: Random) {
  const arrange = weightFile === undefined ? roundRobinOf(random) : weightedOf(weightFile, block, random);
  const arrangeAll = preferring(preferred, arrange);
  const balanced = (query: Query, outcome: Outcome): Outcome => {
    const { response, rcode } = outcome;
    // The order of a zone transfer's records means something.
    if (response === undefined || rcode !== RCODE_NOERROR || isTransfer(query.qtype)) return outcome;
    const reordered = reorder(response, arrangeAll);
    return reordered === response ? outcome : { ...outcome, response: reordered };
  };
  return (next: Handler): Handler =>
    (query) =>
      after(next(query), (outcome) => balanced(query, outcome));
}

function roundRobinOf(random: Random): Arrange {
  return (view, _section, records) => roundRobin(view, records, random);
}

function weightedOf(options: WeightFileOptions, block: Block, random: Random): Arrange {
  const file = new WeightFile(options, block.log.plugin(NAME));
  block.onStart(() => file.open());
  block.onStop(() => file.close());
  return (view, section, records) => weighted(view, section, records, file.weights, random);
}

function preferring(prefixes: readonly Cidr[], arrange: Arrange): Arrange {
  if (prefixes.length === 0) return arrange;
  return (view, section, records) => prefer(view, section, arrange(view, section, records), prefixes);
}

function isTransfer(qtype: number): boolean {
  return qtype === TYPE_AXFR || qtype === TYPE_IXFR;
}

export const loadbalance: Directive<LoadbalanceConfig> = {
  name: NAME,
  repeat: 'last',
  parse,
  setup: (config, block) => balance(config, block, Math.random),
  allowHits({ weightFile, preferred }, rules) {
    rules.shufflesAddresses = true;
    return weightFile === undefined && preferred.length === 0;
  },
};
