/** A cache with a made-up rest of the chain, for its tests. */
import { CacheStore } from '../../cache/store.ts';
import { cursorOf } from '../../corefile/testing.ts';
import { FLAG_QR, FLAG_RA, FLAG_RD, RCODE_SERVFAIL } from '../../wire/header.ts';
import { formatRecord } from '../../wire/presentation.ts';
import { readRecord } from '../../wire/record.ts';
import { buildMessage, type MessageText } from '../../wire/testing/build.ts';
import { typeName } from '../../wire/types.ts';
import { parseMessage } from '../../wire/view.ts';
import type { Handler, MaybePromise, Outcome, Query } from '../contract.ts';
import { FakeProcess, type FakeQuery, type FakeQueryOptions, fakeBlock, fakeQuery } from '../testing.ts';
import { cache } from './cache.ts';

const STORE_BYTES = 256 * 1024;

/** What the rest of the chain does with a query. */
export type Behaviour = (query: Query) => MaybePromise<Outcome>;

export type RigOptions = {
  readonly zones?: readonly string[];
  readonly servers?: readonly string[];
  readonly storeBytes?: number;
  /** Another rig, to be in the same process. */
  readonly beside?: Rig;
};

/** One block with a cache; what it asks the rest of the chain is kept, and answered by `upstream`. */
export class Rig {
  readonly process: FakeProcess;
  readonly block: ReturnType<typeof fakeBlock>;
  readonly asked: Query[] = [];
  /** The flags that queries had on their way. */
  readonly askedFlags: number[] = [];
  upstream: Behaviour = answering({ answer: ['www.example.org. 60 A 192.0.2.1'] });
  readonly #handler: Handler;

  constructor(directive = 'cache', { zones, servers, storeBytes = STORE_BYTES, beside }: RigOptions = {}) {
    this.process = beside?.process ?? new FakeProcess({ cacheStore: new CacheStore(storeBytes) });
    const more = { ...(zones && { zones }), ...(servers && { servers }) };
    this.block = fakeBlock({ process: this.process, ...more });
    const config = cache.parse(cursorOf(directive), this.block.keys);
    const wrap = cache.setup(config, this.block);
    if (wrap === undefined) throw new Error('the cache handles no queries');
    this.#handler = wrap((query) => {
      this.asked.push(query);
      this.askedFlags.push(query.request.flags);
      return this.upstream(query);
    });
  }

  /** Sends a query through the cache. */
  send(query: Query): MaybePromise<Outcome> {
    return this.#handler(query);
  }

  async ask(options: FakeQueryOptions = {}): Promise<Answer> {
    return describe(await this.send(fakeQuery(options)));
  }

  /** Asks, and gives the query as well. */
  start(options: FakeQueryOptions = {}): { query: FakeQuery; answer: Promise<Answer> } {
    const query = fakeQuery(options);
    const outcome = this.send(query);
    return { query, answer: Promise.resolve(outcome).then(describe) };
  }

  advance(seconds: number): void {
    this.process.clock.advance(seconds * 1000);
  }

  /** The value of a metric, by the labels that matter; undefined if there is no such series. */
  async metric(name: string, labels = ''): Promise<number | undefined> {
    const lines = (await this.process.metrics.expose()).split('\n');
    const line = lines.find((text) => text.startsWith(name) && /[ {]/.test(text[name.length]) && text.includes(labels));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  }
}

/** An outcome in short. */
export type Answer = {
  readonly rcode: number;
  readonly flags: number | undefined;
  readonly source: string;
  readonly question: string | undefined;
  /** `OWNER TTL TYPE RDATA`, of all sections. */
  readonly records: readonly string[];
  readonly extendedError: number | undefined;
  readonly error: string | undefined;
};

function describe({ response, rcode, source, error, extendedError }: Outcome): Answer {
  // Read anew, as by one who does not know that we made it.
  const view = response && parseMessage(response.bytes);
  if (view?.malformed) throw new Error('the response is malformed');
  return {
    rcode,
    flags: view?.flags,
    source,
    question: view && `${view.qname} ${typeName(view.qtype)}`,
    records: Array.from({ length: view?.recordCount ?? 0 }, (_, i) => {
      const record = view && readRecord(view, i);
      return record ? formatRecord(record).replaceAll('\t', ' ').replace(' IN ', ' ') : 'malformed';
    }),
    extendedError: extendedError?.code,
    error: error?.message,
  };
}

/** Answers with such a message: QR, RD and RA, and the question of the query, unless the text says otherwise. */
export function answering(text: MessageText): Behaviour {
  return (query) => outcomeOf(query, text);
}

export function outcomeOf({ request }: Query, text: MessageText): Outcome {
  const question = `${request.qname} ${request.qclass === 1 ? 'IN' : 'CH'} ${typeName(request.qtype)}`;
  const flags = FLAG_QR | FLAG_RA | (request.flags & FLAG_RD);
  const response = parseMessage(buildMessage({ id: request.id, flags, question, ...text }));
  return { response, rcode: response.extendedRcode, source: 'forward' };
}

export const NOBODY: Outcome = {
  response: undefined,
  rcode: RCODE_SERVFAIL,
  source: '',
  error: new Error('no answer'),
};

/** Behaves one way after the other, the last one for good. */
export function inTurn(...behaviours: Behaviour[]): Behaviour {
  let turn = 0;
  return (query) => behaviours[Math.min(turn++, behaviours.length - 1)](query);
}

/** Keeps queries waiting until it is told how to answer them. */
export class Held {
  readonly #waiting: { query: Query; resolve: (outcome: Outcome) => void; reject: (error: Error) => void }[] = [];
  readonly behaviour: Behaviour = (query) =>
    new Promise((resolve, reject) => {
      this.#waiting.push({ query, resolve, reject });
    });

  get count(): number {
    return this.#waiting.length;
  }

  /** Answers with such a message. */
  release(text: MessageText): void {
    for (const { query, resolve } of this.#waiting.splice(0)) resolve(outcomeOf(query, text));
  }

  answer(outcome: Outcome): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(outcome);
  }

  fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
