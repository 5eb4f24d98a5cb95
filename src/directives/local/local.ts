import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody, unknownProperty } from '../../corefile/values.ts';
import { RCODE_NOERROR, RCODE_NXDOMAIN } from '../../wire/header.ts';
import { isSubdomain, nameFromText, ROOT_NAME, type WireName } from '../../wire/name.ts';
import { parseRecord } from '../../wire/presentation.ts';
import { CLASS_IN, TYPE_A, TYPE_AAAA, TYPE_NS, TYPE_PTR, TYPE_SOA, typeName } from '../../wire/types.ts';
import type { Block, Directive, Handler, Outcome, Query } from '../contract.ts';
import { askedName, type LocalRecords, localReply } from '../local-reply.ts';

const NAME = 'local';
const TTL = 604_800; // A week: these do not change.
const LOCALHOST = 'localhost.';
const REVERSE_OF_LOCALHOST = '1.0.0.127.in-addr.arpa.';
const ZONES = [LOCALHOST, '0.in-addr.arpa.', '127.in-addr.arpa.', '255.in-addr.arpa.'];

/** The rdata of whatever is there, by type. */
const RDATA = new Map(
  ['A 127.0.0.1', 'AAAA ::1', 'NS localhost.', 'PTR localhost.', `SOA localhost. root.localhost. 1 0 0 0 ${TTL}`]
    .map((text) => parseRecord(`. ${text}`))
    .map(({ type, rdata }) => [type, rdata]),
);
const ADDRESSES = [TYPE_A, TYPE_AAAA];
const APEX = [TYPE_SOA, TYPE_NS];

export type LocalConfig = {
  /** `localhost.example.org.`, which a search list makes of `localhost`, is localhost as well. */
  readonly takesPrefix: boolean;
};

/** Syntax: `local { localhost_prefix on|off }` */
export function parse(cursor: Cursor): LocalConfig {
  expectArgs(cursor, 0, 0);
  let takesPrefix = true;
  for (const property of cursor.body) {
    if (property.name.text !== 'localhost_prefix') throw unknownProperty(property, ['localhost_prefix']);
    expectNoBody(property);
    expectArgs(property, 1, 1);
    const [{ text }] = property.args;
    if (text !== 'on' && text !== 'off') throw property.error(`localhost_prefix must be on or off, got "${text}"`);
    takesPrefix = text === 'on';
  }
  return { takesPrefix };
}

/** Answers for the names of the host itself, which nobody else is to be asked for (RFC 6761 §6.3, RFC 6303 §4.2). */
function setup({ takesPrefix }: LocalConfig, block: Block) {
  const log = block.log.plugin(NAME);
  const name = 'coredns_local_localhost_requests_total';
  const count = block.process.metrics.counter(name, 'Counter of localhost.<domain> requests.').labels();
  return (next: Handler): Handler =>
    (query) => {
      const { qname } = query;
      if (query.qclass !== CLASS_IN) return next(query);
      if (isLocalhost(qname, takesPrefix)) {
        count.inc();
        if (log.isDebug) {
          log.debug(
            `Intercepting localhost query for "${qname}" ${typeName(query.qtype)}, from ${query.clientAddress}`,
          );
        }
        return answer(query, ADDRESSES, askedName(query));
      }
      const zone = ZONES.find((candidate) => isSubdomain(qname, candidate));
      return zone === undefined ? next(query) : answerIn(zone, query);
    };
}

function isLocalhost(qname: string, takesPrefix: boolean): boolean {
  if (qname === LOCALHOST) return false;
  return isSubdomain(qname, LOCALHOST) || (takesPrefix && qname.startsWith(LOCALHOST));
}

function answerIn(zone: string, query: Query): Outcome {
  const { qname } = query;
  if (qname === LOCALHOST) return answer(query, [...ADDRESSES, ...APEX], askedName(query));
  if (qname === zone) return answer(query, APEX, askedName(query));
  const apex = nameFromText(zone) ?? ROOT_NAME;
  if (qname === REVERSE_OF_LOCALHOST) return answer(query, [TYPE_PTR], apex);
  return reply(query, { authorities: [record(apex, TYPE_SOA)], rcode: RCODE_NXDOMAIN });
}

/** The record of the type asked for, if it is one of those that are there. */
function answer(query: Query, types: readonly number[], apex: WireName): Outcome {
  const { qtype } = query;
  if (types.includes(qtype)) return reply(query, { answers: [record(askedName(query), qtype)] });
  return reply(query, { authorities: [record(apex, TYPE_SOA)] });
}

function record(owner: WireName, type: number) {
  return { owner, type, class: CLASS_IN, ttl: TTL, rdata: RDATA.get(type) ?? new Uint8Array() };
}

function reply(query: Query, records: LocalRecords): Outcome {
  const response = localReply(query, { ...records, isAuthoritative: false });
  return { response, rcode: records.rcode ?? RCODE_NOERROR, source: NAME };
}

export const local: Directive<LocalConfig> = {
  name: NAME,
  repeat: 'last',
  parse,
  setup,
  allowHits: () => true, // Names of its own never come to the cache.
  concerns: ({ takesPrefix }, qname) =>
    isLocalhost(qname, takesPrefix) || ZONES.some((zone) => isSubdomain(qname, zone)),
};
