import { parseAddress } from '../../wire/address.ts';
import { EDE_BLOCKED, EDE_FILTERED } from '../../wire/edns.ts';
import { RCODE_NOERROR, RCODE_REFUSED } from '../../wire/header.ts';
import { isSubdomain } from '../../wire/name.ts';
import type { Block, Directive, Handler, Outcome, Query } from '../contract.ts';
import { localReply } from '../local-reply.ts';
import { type Action, parseRule, type Rule } from './rules.ts';

const NAME = 'acl';
const LABELS = ['server', 'zone', 'view'];
const VIEW = '';

/** Says which clients may ask for what. */
function setup(rules: readonly Rule[], block: Block) {
  const { metrics } = block.process;
  const counter = (name: string, what: string) =>
    metrics.counter(`coredns_acl_${name}_requests_total`, `Counter of DNS requests being ${what}.`, LABELS);
  const denied = {
    block: counter('blocked', 'blocked'),
    filter: counter('filtered', 'filtered'),
    drop: counter('dropped', 'dropped'),
  };
  const allowed = metrics.counter('coredns_acl_allowed_requests_total', 'Counter of DNS requests being allowed.', [
    'server',
    'view',
  ]);
  return (next: Handler): Handler =>
    (query) => {
      const { action, zone } = decide(rules, query);
      if (action === 'allow') {
        allowed.labels(query.server, VIEW).inc();
        return next(query);
      }
      denied[action].labels(query.server, zone, VIEW).inc();
      return refusals[action](query);
    };
}

const refusals: Record<Exclude<Action, 'allow'>, (query: Query) => Outcome> = {
  block: (query) => denial(query, RCODE_REFUSED, EDE_BLOCKED),
  filter: (query) => denial(query, RCODE_NOERROR, EDE_FILTERED),
  drop: () => ({ response: undefined, rcode: RCODE_NOERROR, source: NAME, drop: true }),
};

function denial(query: Query, rcode: number, code: number): Outcome {
  const response = localReply(query, { rcode, isAuthoritative: false });
  return { response, rcode, source: NAME, extendedError: { code, text: '' } };
}

/** The action of the first policy that fits, of the first rule that has one, and the zone of the rule. */
function decide(rules: readonly Rule[], { qname, qtype, clientAddress }: Query): { action: Action; zone: string } {
  const address = parseAddress(clientAddress);
  for (const { zones, policies } of rules) {
    const zone = zones.find((candidate) => isSubdomain(qname, candidate));
    if (zone === undefined) continue;
    if (address === undefined) return { action: 'block', zone };
    const policy = policies.find(
      ({ qtypes, nets }) => qtypes?.has(qtype) !== false && (nets === undefined || nets.has(address)),
    );
    if (policy !== undefined) return { action: policy.action, zone };
  }
  return { action: 'allow', zone: '' };
}

export const acl: Directive<readonly Rule[]> = {
  name: NAME,
  repeat: (rules) => rules.flat(),
  parse: (cursor, keys) => [parseRule(cursor, keys)],
  setup,
  // Others decide by client, and count what they let through; without a policy there is nothing to decide.
  allowHits: (rules) => rules.every(({ policies }) => policies.length === 0),
  concerns: (rules, qname) => rules.some(({ zones }) => zones.some((zone) => isSubdomain(qname, zone))),
};
