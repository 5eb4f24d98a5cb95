import type { Cursor } from '../../corefile/cursor.ts';
import { didYouMean } from '../../corefile/suggest.ts';
import type { Token } from '../../corefile/token.ts';
import { OPTION_CLIENT_SUBNET, OPTION_NSID } from '../../wire/edns.ts';
import { clientSubnet, parsePrefixBits } from './client-subnet.ts';
import { parseData, parseNumber } from './edns-data.ts';
import type { EdnsOption } from './edns-options.ts';
import type { RequestDraft } from './request-draft.ts';
import type { ResponseDraft } from './response-draft.ts';
import type { ResponseRule, RuleBody } from './rule.ts';

const ACTIONS = ['set', 'replace', 'append', 'unset'] as const;
type Action = (typeof ACTIONS)[number];
const MAX_CODE = 0xffff;
const NO_DATA = new Uint8Array();

/** What an option is to be. */
type Wanted = {
  readonly code: number;
  /** Undefined: nothing can be said. */
  readonly data: (request: RequestDraft) => Uint8Array | undefined;
  /** Stands beside another one of the same code. */
  readonly mayRepeat?: boolean;
};

type Words = { readonly cursor: Cursor; readonly isUnset: boolean; readonly args: readonly Token[] };

const KINDS: Readonly<Record<string, (words: Words) => Wanted>> = {
  local: parseLocal,
  nsid: parseNsid,
  subnet: parseSubnet,
};

/** `local ACTION CODE [DATA]`, `nsid ACTION`, `subnet ACTION V4BITS V6BITS`, each with `revert` behind it or not. */
export function parseEdnsRule(cursor: Cursor, words: readonly Token[]): RuleBody & { readonly localCode?: number } {
  const reverts = words.at(-1)?.text === 'revert';
  const [kind, action, ...args] = reverts ? words.slice(0, -1) : words;
  if (action === undefined) throw cursor.error('too few arguments for an edns0 rule, expected KIND ACTION');
  const parse = KINDS[kind.text.toLowerCase()];
  if (parse === undefined) {
    const hint = didYouMean(kind.text, Object.keys(KINDS)) || ', expected local, nsid or subnet';
    throw cursor.error(`invalid edns0 rule "${kind.text}"${hint}`, kind);
  }
  const does = ACTIONS.find((known) => known === action.text.toLowerCase());
  if (does === undefined) {
    throw cursor.error(`invalid action "${action.text}", expected ${ACTIONS.join(', ')}`, action);
  }
  const wanted = parse({ cursor, isUnset: does === 'unset', args });
  const apply = (request: RequestDraft) => {
    const revert = change(request, wanted, does);
    if (revert === undefined) return undefined;
    return reverts ? [revert] : [];
  };
  return { concerns: () => true, apply, ...(parse === parseLocal && { localCode: wanted.code }) };
}

function parseLocal({ cursor, isUnset, args }: Words): Wanted {
  const syntax = isUnset ? ['CODE'] : ['CODE', 'DATA'];
  expectWords(cursor, args, 'local', syntax);
  const [code, data] = args;
  const number = parseNumber(cursor, code, { name: 'CODE', max: MAX_CODE });
  if (isUnset) return { code: number, data: () => NO_DATA };
  const { isConstant, of } = parseData(cursor, data);
  return { code: number, data: of, mayRepeat: isConstant };
}

function parseNsid({ cursor, args }: Words): Wanted {
  expectWords(cursor, args, 'nsid', []);
  return { code: OPTION_NSID, data: () => NO_DATA };
}

function parseSubnet({ cursor, isUnset, args }: Words): Wanted {
  expectWords(cursor, args, 'subnet', isUnset ? [] : ['V4BITS', 'V6BITS']);
  if (isUnset) return { code: OPTION_CLIENT_SUBNET, data: () => NO_DATA };
  const bits = parsePrefixBits(cursor, args);
  return { code: OPTION_CLIENT_SUBNET, data: ({ query }) => clientSubnet(query.clientAddress, bits) };
}

function expectWords(cursor: Cursor, args: readonly Token[], kind: string, names: readonly string[]): void {
  if (args.length === names.length) return;
  const syntax = ['edns0', kind, 'ACTION', ...names].join(' ');
  throw cursor.error(`wrong number of arguments for edns0 ${kind}, expected ${syntax}`, args[names.length]);
}

/** Does what is to be done, and gives what undoes it in the response; undefined: the rule does not apply. */
function change(request: RequestDraft, wanted: Wanted, action: Action): ResponseRule | undefined {
  const { code } = wanted;
  const { options } = request;
  const index = options.findIndex((option) => option.code === code);
  if (action === 'unset') return index === -1 ? undefined : remove(request, code);
  const isReplaced = index !== -1 && action !== 'append';
  const isAdded = index === -1 ? action !== 'replace' : action === 'append' && wanted.mayRepeat === true;
  const data = isReplaced || isAdded ? wanted.data(request) : undefined;
  if (data === undefined) return undefined;
  const option = { code, data };
  request.options = isReplaced ? options.with(index, option) : [...options, option];
  return isReplaced ? putBack(options[index]) : takeAway(code);
}

function remove(request: RequestDraft, code: number): ResponseRule {
  const { options } = request;
  request.options = options.filter((option) => option.code !== code);
  const removed = options.filter((option) => option.code === code);
  return (response) => {
    if (response.echoes) response.options = [...(response.options ?? []), ...removed];
  };
}

function putBack(before: EdnsOption): ResponseRule {
  return (response) => {
    const { options = [] } = response;
    const index = options.findIndex(({ code }) => code === before.code);
    if (index !== -1) response.options = options.with(index, before);
  };
}

/** The last one, which is what was added where there are several. */
function takeAway(code: number): ResponseRule {
  return (response: ResponseDraft) => {
    const { options = [] } = response;
    const index = options.findLastIndex((option) => option.code === code);
    if (index !== -1) response.options = options.toSpliced(index, 1);
  };
}
