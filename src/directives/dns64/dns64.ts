import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectArgs, expectNoBody, unknownProperty } from '../../corefile/values.ts';
import type { CounterFamily } from '../../observe/metrics.ts';
import { IPV6_BYTES } from '../../wire/address.ts';
import { BYTE_BITS, parseCidr } from '../../wire/cidr.ts';
import { HEADER_BYTES, RCODE_NXDOMAIN } from '../../wire/header.ts';
import { ROOT_NAME, readName } from '../../wire/name.ts';
import { CLASS_IN, TYPE_A, TYPE_AAAA } from '../../wire/types.ts';
import type { MessageView } from '../../wire/view.ts';
import { after } from '../after.ts';
import type { Block, Directive, Handler, MaybePromise, Outcome, Query } from '../contract.ts';
import { synthesize, type TranslationPrefix } from './synthesize.ts';

const NAME = 'dns64';
/** RFC 6052 §2.1: 64:ff9b::/96. */
const WELL_KNOWN_PREFIX: TranslationPrefix = Uint8Array.of(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0);
const MIN_BITS = 32;
const MAX_BITS = 96;

export type Dns64Config = {
  /** Undefined: the well-known one. */
  readonly prefix: TranslationPrefix | undefined;
  readonly translateAll: boolean;
  readonly allowIpv4: boolean;
  /** The first property of a block that does not count, as in CoreDNS, because a prefix stands before it. */
  readonly ignored: Cursor | undefined;
};

/** Syntax: `dns64 [PREFIX]` or `dns64 { prefix PREFIX ; translate_all ; allow_ipv4 }` */
export function parse(cursor: Cursor): Dns64Config {
  expectArgs(cursor, 0, 1);
  const [first] = cursor.args;
  let prefix = first && parsePrefix(cursor, first);
  let translateAll = false;
  let allowIpv4 = false;
  if (prefix !== undefined) return { prefix, translateAll, allowIpv4, ignored: cursor.body[0] };
  for (const property of cursor.body) {
    expectNoBody(property);
    switch (property.name.text) {
      case 'prefix':
        expectArgs(property, 1, 1);
        prefix = parsePrefix(property, property.args[0]);
        break;
      case 'translate_all':
        expectArgs(property, 0, 0);
        translateAll = true;
        break;
      case 'allow_ipv4':
        expectArgs(property, 0, 0);
        allowIpv4 = true;
        break;
      default:
        throw unknownProperty(property, ['prefix', 'translate_all', 'allow_ipv4']);
    }
  }
  return { prefix, translateAll, allowIpv4, ignored: undefined };
}

function parsePrefix(cursor: Cursor, token: Token): TranslationPrefix {
  const cidr = parseCidr(token.text);
  if (cidr?.network.length !== IPV6_BYTES) {
    throw cursor.error(`PREFIX must be an IPv6 prefix such as 64:ff9b::/96, got "${token.text}"`, token);
  }
  const { network, bits } = cidr;
  if (bits < MIN_BITS || bits > MAX_BITS || bits % BYTE_BITS !== 0) {
    const rule = `it must be a multiple of ${BYTE_BITS} in ${MIN_BITS}..${MAX_BITS}`;
    throw cursor.error(`invalid prefix length of "${token.text}": ${rule}`, token);
  }
  return network.slice(0, bits / BYTE_BITS);
}

/** As CoreDNS reads several of them: the last prefix, and everything that any of them allows. */
function merge(configs: readonly Dns64Config[]): Dns64Config {
  return {
    prefix: configs.findLast(({ prefix }) => prefix !== undefined)?.prefix,
    translateAll: configs.some(({ translateAll }) => translateAll),
    allowIpv4: configs.some(({ allowIpv4 }) => allowIpv4),
    ignored: configs.find(({ ignored }) => ignored !== undefined)?.ignored,
  };
}

function setup(config: Dns64Config, block: Block) {
  const { ignored } = config;
  if (ignored !== undefined) {
    const { file, line, text } = ignored.name;
    block.log.plugin(NAME).warning(`${file}:${line}: "${text}" is ignored: the prefix must stand in the block, too`);
  }
  const translated = block.process.metrics.counter(
    'coredns_dns64_requests_translated_total',
    'Counter of DNS requests translated by dns64.',
    ['server'],
  );
  return (next: Handler): Handler =>
    (query) => {
      const outcome = next(query);
      if (query.qtype !== TYPE_AAAA || query.qclass !== CLASS_IN) return outcome;
      if (query.family === 4 && !config.allowIpv4) return outcome;
      return after(outcome, (settled) => translate(config, translated, query, settled));
    };
}

/** An outcome that has no address for the client: in its place one that is made of the IPv4 addresses of the name. */
function translate(
  { prefix = WELL_KNOWN_PREFIX, translateAll }: Dns64Config,
  translated: CounterFamily,
  query: Query,
  outcome: Outcome,
): MaybePromise<Outcome> {
  const { response: aaaa } = outcome;
  // RFC 6147 §5.1.2: a name that does not exist has no A records either; any other error is as good as no answer.
  if (aaaa === undefined || aaaa.rcode === RCODE_NXDOMAIN) return outcome;
  if (!translateAll && hasAaaa(aaaa)) return outcome;
  const qname = readName(query.request.bytes, HEADER_BYTES) ?? ROOT_NAME;
  return query.resolve(qname, TYPE_A).then((found) => {
    if (found.response === undefined) return found;
    const response = synthesize(query, aaaa, found.response, prefix);
    translated.labels(query.server).inc();
    return { ...found, response, rcode: response.rcode, source: NAME };
  });
}

function hasAaaa(view: MessageView): boolean {
  for (let index = 0; index < view.answerCount; index++) if (view.typeOf(index) === TYPE_AAAA) return true;
  return false;
}

export const dns64: Directive<Dns64Config> = {
  name: NAME,
  repeat: merge,
  parse,
  setup,
  allowHits({ allowIpv4 }, rules) {
    rules.aaaaInChain = allowIpv4 ? [4, 6] : [6];
    return true;
  },
};
