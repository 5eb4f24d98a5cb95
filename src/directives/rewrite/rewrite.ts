import { ECHOED_OPTIONS } from '../../wire/edns.ts';
import { RCODE_SERVFAIL } from '../../wire/header.ts';
import { MessageWriter } from '../../wire/writer.ts';
import { after } from '../after.ts';
import type { Block, Directive, Handler, MaybePromise, Outcome, Query } from '../contract.ts';
import { type ParsedRule, parse } from './parse.ts';
import { RequestDraft } from './request-draft.ts';
import { type Echo, ResponseDraft } from './response-draft.ts';
import type { ResponseRule } from './rule.ts';

const NAME = 'rewrite';

/** In file order. */
export type RewriteConfig = { readonly rules: readonly ParsedRule[] };

/** What rules have made of a request. */
type Rewritten = {
  readonly draft: RequestDraft;
  readonly responseRules: readonly ResponseRule[];
  /** A rule that stops has applied. */
  readonly isStopped: boolean;
};

/** Changes requests for the directives below, and their responses for those above and the client. */
function setup({ rules }: RewriteConfig, block: Block) {
  const log = block.log.plugin(NAME);
  const writer = new MessageWriter();
  const localCodes = rules.flatMap(({ localCode }) => (localCode === undefined ? [] : [localCode]));
  const echoed = new Set([...ECHOED_OPTIONS, ...localCodes]);

  const answered = (query: Query, outcome: Outcome, { draft, responseRules, isStopped }: Rewritten) => {
    const { response } = outcome;
    // CoreDNS leaves an error that nobody has written to the server, unless a rule has said what is to become of it.
    const isLeft = response === undefined && !isStopped && responseRules.length === 0;
    if (outcome.drop || isLeft) return outcome;
    const echo: Echo | undefined =
      query.hasOpt && draft.hasNewOptions ? { options: draft.options, codes: echoed } : undefined;
    const reply = new ResponseDraft(query, outcome, echo);
    const done = applyBackwards(reply, responseRules, responseRules.length);
    const finish = (): Outcome => {
      if (reply.fault !== undefined) log.error(reply.fault);
      const source = response === undefined ? NAME : outcome.source;
      return { ...outcome, response: reply.build(writer), rcode: reply.rcode, source };
    };
    return after(done, finish);
  };

  return (next: Handler): Handler =>
    (query) => {
      const rewritten = rewriteRequest(rules, query);
      if (rewritten === undefined) return next(query);
      if (rewritten.draft.invalidName !== undefined) return invalid(rewritten.draft.invalidName);
      const request = rewritten.draft.build(writer);
      const outcome = next(request === query.request ? query : query.withRequest(request));
      return after(outcome, (settled) => answered(query, settled, rewritten));
    };
}

/** Undefined: no rule applies. */
function rewriteRequest(rules: readonly ParsedRule[], query: Query): Rewritten | undefined {
  const draft = new RequestDraft(query);
  const responseRules: ResponseRule[] = [];
  let hasApplied = false;
  for (const rule of rules) {
    const found = rule.apply(draft);
    if (found === undefined) continue;
    hasApplied = true;
    responseRules.push(...found);
    if (rule.stops || draft.invalidName !== undefined) return { draft, responseRules, isStopped: true };
  }
  return hasApplied ? { draft, responseRules, isStopped: false } : undefined;
}

/** What was done last is undone first. `count` rules are left. */
function applyBackwards(reply: ResponseDraft, rules: readonly ResponseRule[], count: number): MaybePromise<void> {
  for (let left = count; left > 0; left--) {
    const done = rules[left - 1](reply);
    if (done instanceof Promise) return done.then(() => applyBackwards(reply, rules, left - 1));
  }
}

function invalid(name: string): Outcome {
  const error = new Error(`plugin/${NAME}: invalid name after rewrite: ${name}`);
  return { response: undefined, rcode: RCODE_SERVFAIL, source: '', error };
}

export const rewrite: Directive<RewriteConfig> = {
  name: NAME,
  repeat: (configs) => ({ rules: configs.flatMap(({ rules }) => rules) }),
  parse: (cursor) => ({ rules: [parse(cursor)] }),
  setup,
  concerns: ({ rules }, qname) => rules.some((rule) => rule.concerns(qname)),
};
