import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody, unknownProperty } from '../../corefile/values.ts';
import { RCODE_NOERROR } from '../../wire/header.ts';
import { TYPE_AXFR, TYPE_IXFR } from '../../wire/types.ts';
import type { Directive, Handler, Outcome, Query } from '../contract.ts';
import { type Prefix, parsePrefix, prefer } from './prefer.ts';
import { type Arrange, reorder } from './reorder.ts';
import { type Random, roundRobin } from './round-robin.ts';

const NAME = 'loadbalance';

export type LoadbalanceConfig = { readonly preferred: readonly Prefix[] };

/** Syntax: `loadbalance [round_robin] { prefer CIDR... }` */
export function parse(cursor: Cursor): LoadbalanceConfig {
  expectArgs(cursor, 0, 1);
  const [policy] = cursor.args;
  if (policy !== undefined && policy.text !== 'round_robin') {
    throw cursor.error(`unknown policy: "${policy.text}", expected round_robin`, policy);
  }
  const preferred = cursor.body.flatMap((property) => {
    if (property.name.text !== 'prefer') throw unknownProperty(property, ['prefer']);
    expectNoBody(property);
    return parsePrefixes(property);
  });
  return { preferred };
}

function parsePrefixes(property: Cursor): Prefix[] {
  expectArgs(property, 1, Number.POSITIVE_INFINITY);
  return property.args.map((token) => {
    const prefix = parsePrefix(token.text);
    if (prefix !== undefined) return prefix;
    throw property.error(`invalid CIDR "${token.text}", expected one such as 192.0.2.0/24 or 2001:db8::/32`, token);
  });
}

/** Gives the records of each answer another order, so that clients which take the first address spread their load. */
export function balance({ preferred }: LoadbalanceConfig, random: Random) {
  const arrangeAll = preferring(preferred, roundRobinOf(random));
  const balanced = (query: Query, outcome: Outcome): Outcome => {
    const { response, rcode } = outcome;
    // The order of a zone transfer's records means something.
    if (response === undefined || rcode !== RCODE_NOERROR || isTransfer(query.qtype)) return outcome;
    const reordered = reorder(response, arrangeAll);
    return reordered === response ? outcome : { ...outcome, response: reordered };
  };
  return (next: Handler): Handler =>
    (query) => {
      const outcome = next(query);
      return outcome instanceof Promise ? outcome.then((late) => balanced(query, late)) : balanced(query, outcome);
    };
}

function roundRobinOf(random: Random): Arrange {
  return (view, _section, records) => roundRobin(view, records, random);
}

function preferring(prefixes: readonly Prefix[], arrange: Arrange): Arrange {
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
  setup: (config) => balance(config, Math.random),
};
