import type { MaybePromise } from '../contract.ts';
import type { RequestDraft } from './request-draft.ts';
import type { ResponseDraft } from './response-draft.ts';

/** What is to be done with the response to a request that a rule has changed. */
export type ResponseRule = (response: ResponseDraft) => MaybePromise<void>;

export type Rule = {
  /** No rule behind it is looked at once it has applied. */
  readonly stops: boolean;
  /** Whether it has to do with queries for the name (lower case, final dot). */
  concerns(qname: string): boolean;
  /** Changes the request; undefined: it does not apply. */
  apply(request: RequestDraft): readonly ResponseRule[] | undefined;
};

/** A rule without its mode. */
export type RuleBody = Omit<Rule, 'stops'>;
