import { isSubdomain } from '../../wire/name.ts';
import { CLASS_ANY, TYPE_ANY } from '../../wire/types.ts';
import type { Query } from '../contract.ts';
import { findGroups } from '../pattern.ts';
import type { Rule } from './config.ts';

const MATCHES_ALL = '.*';

/** What the name has in common with a rule. */
export type Match = {
  readonly zone: string;
  /** The pattern that matched. */
  readonly pattern: string;
  /** The whole match, then the groups; one that took no part is empty. */
  readonly groups: readonly string[];
  /** Their numbers by name. */
  readonly names: Readonly<Record<string, number>>;
};

/** `other`: the rule is for other queries; `mismatch`: it would be for this one, but no pattern matches. */
export function match(rule: Rule, query: Query): Match | 'other' | 'mismatch' {
  const { qname, qclass, qtype } = query;
  const zone = longestZone(rule.zones, qname);
  if (zone === undefined) return 'other';
  if (rule.qclass !== CLASS_ANY && qclass !== CLASS_ANY && rule.qclass !== qclass) return 'other';
  if (rule.qtype !== TYPE_ANY && qtype !== TYPE_ANY && rule.qtype !== qtype) return 'other';
  if (rule.patterns.length === 0) return { zone, pattern: MATCHES_ALL, groups: [qname], names: {} };
  for (const pattern of rule.patterns) {
    const groups = findGroups(pattern, qname);
    if (groups !== undefined) return { zone, pattern: pattern.pattern(), groups, names: pattern.namedGroups() };
  }
  return 'mismatch';
}

/** Of the zones that the name is in. */
export function longestZone(zones: readonly string[], qname: string): string | undefined {
  let longest: string | undefined;
  for (const zone of zones) {
    if (zone.length > (longest?.length ?? 0) && isSubdomain(qname, zone)) longest = zone;
  }
  return longest;
}
