import { hostname } from 'node:os';
import type { Cursor } from '../../corefile/cursor.ts';
import { expectNoBody } from '../../corefile/values.ts';
import { VERSION } from '../../observe/version.ts';
import { characterString } from '../../wire/character-string.ts';
import { RCODE_NOERROR } from '../../wire/header.ts';
import { CLASS_CH, TYPE_TXT } from '../../wire/types.ts';
import type { Directive, Handler, Outcome, Query } from '../contract.ts';
import { askedName, localReply } from '../local-reply.ts';

const NAME = 'chaos';
const DEFAULT_VERSION = `nodens-${VERSION}`;
const DEFAULT_AUTHORS = ['The nodens maintainers'];

export type ChaosConfig = {
  readonly version: string;
  /** Sorted, each one once. */
  readonly authors: readonly string[];
};

/** Syntax: `chaos [VERSION] [AUTHORS...]` */
export function parse(cursor: Cursor): ChaosConfig {
  expectNoBody(cursor);
  const [version = DEFAULT_VERSION, ...authors] = cursor.args.map(({ text }) => text);
  return { version, authors: authors.length === 0 ? DEFAULT_AUTHORS : [...new Set(authors)].sort() };
}

/** What there is for a name in class CH; undefined if nothing is. */
function textsFor({ version, authors }: ChaosConfig, qname: string): readonly string[] | undefined {
  switch (qname) {
    case 'version.bind.':
    case 'version.server.':
      return [version];
    case 'hostname.bind.':
    case 'id.server.':
      return [hostname()];
    case 'authors.bind.':
      return authors;
    default:
      return undefined;
  }
}

function answer(query: Query, texts: readonly string[]): Outcome {
  const common = { owner: askedName(query), type: TYPE_TXT, class: CLASS_CH, ttl: 0 };
  const answers = texts.map((text) => ({ ...common, rdata: characterString(text) }));
  return { response: localReply(query, { answers, isAuthoritative: false }), rcode: RCODE_NOERROR, source: NAME };
}

/** Tells about the server itself, in class CH. */
export const chaos: Directive<ChaosConfig> = {
  name: NAME,
  repeat: 'first',
  anyClass: true,
  parse,
  setup: (config) => (next: Handler) => (query) => {
    const isForIt = query.qclass === CLASS_CH && query.qtype === TYPE_TXT;
    const texts = isForIt ? textsFor(config, query.qname) : undefined;
    return texts === undefined ? next(query) : answer(query, texts);
  },
  concerns: (config, qname) => textsFor(config, qname) !== undefined,
  allowHits: () => true, // The cache has nothing of class CH.
};
