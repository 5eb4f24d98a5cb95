/** A cache whose hits are answered both ways, by its block's chain and as a responder does: for tests. */
import type { TestContext } from 'node:test';
import { Memory } from '../../../cache/layout.ts';
import { Rig } from '../../../directives/cache/testing.ts';
import type { Outcome } from '../../../directives/contract.ts';
import { Metrics } from '../../../observe/metrics.ts';
import { RequestMetrics } from '../../../observe/request-metrics.ts';
import { DatagramBatch } from '../../../sys/datagrams.ts';
import { DirectReplies } from '../../../sys/direct-replies.ts';
import { close, connectUdp, localPort, openUdp, receive, send } from '../../../sys/socket.ts';
import type { Client } from '../../client.ts';
import { finish } from '../../finish.ts';
import { InflightTable } from '../../inflight.ts';
import { ServerQuery } from '../../query.ts';
import { Router } from '../../router.ts';
import { screen } from '../../screen.ts';
import { arrivalOf, blockOf } from '../../testing.ts';
import { ANSWERED, ANSWERED_DUE, HitAnswers, type HitListener } from '../hit-answers.ts';
import type { Plan } from '../plan.ts';
import { planFor } from '../planning.ts';

/** Holds answers of more bytes than a responder sends. */
const STORE_BYTES = 1024 * 1024;
const SERVER = 'dns://127.0.0.1:53';
const CLIENT: Client = {
  ...{ protocol: 'udp', family: 4, address: '127.0.0.1', port: 4000, localAddress: '127.0.0.1', localPort: 53 },
  send: () => undefined,
  drop: () => undefined,
};
const buffer = new Uint8Array(0x10000);

/** A bound socket, and a client of it. */
export function loopbackPair(t: Pick<TestContext, 'after'>): { fd: number; client: number } {
  const fd = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
  const client = connectUdp('127.0.0.1', localPort(fd), { receiveBufferBytes: 1024 * 1024 });
  t.after(() => {
    close(client);
    close(fd);
  });
  return { fd, client };
}

/** A batch with these datagrams. */
export function receiveAll(batch: DatagramBatch, pair: { fd: number; client: number }, messages: Uint8Array[]): void {
  for (const message of messages) send(pair.client, message);
  const count = batch.receive(pair.fd);
  if (count !== messages.length) throw new Error(`${count} of ${messages.length} datagrams have arrived`);
}

export type HitsOptions = {
  readonly maxUdpPayloadBytes?: number;
  readonly errorsInChain?: boolean;
  readonly aaaaInChain?: readonly (4 | 6)[];
  readonly countsRequests?: boolean;
  readonly chainFor?: readonly string[];
  readonly zone?: string;
};

/** What a responder did with a query; `reply` is what its client got. */
export type Verdict = { readonly verdict: number; readonly reply: Uint8Array | undefined };

export class HitsRig {
  readonly rig: Rig;
  readonly batch = new DatagramBatch();
  readonly replies = new DirectReplies(this.batch);
  readonly hits: HitAnswers;
  readonly listener: HitListener;
  readonly plan: Plan;
  readonly pair: { fd: number; client: number };
  /** The memory of the cache. */
  readonly memory: Buffer;
  readonly #cap: number;
  readonly #inflight = new InflightTable(1000, new Metrics());

  constructor(t: Pick<TestContext, 'after'>, directive = 'cache', options: HitsOptions = {}) {
    const { zone = '.', chainFor = [], ...rules } = options;
    this.rig = new Rig(directive, { storeBytes: STORE_BYTES });
    this.pair = loopbackPair(t);
    this.#cap = options.maxUdpPayloadBytes ?? 0xffff;
    const { buffer: shared } = this.rig.process.cacheStore;
    this.memory = Buffer.from(shared);
    const hits = { ...this.rig.block.hits, ...rules, chainFor: [...chainFor] };
    const router = new Router();
    router.add(zone, { ...blockOf(['cache', 'forward']), hits });
    const served = { id: 1, target: { id: SERVER, router }, fds: [this.pair.fd] };
    const [plan] = planFor(1, [served], new RequestMetrics(new Metrics())).plans;
    this.hits = new HitAnswers(new Memory(shared), this.batch, this.replies);
    [this.listener] = this.hits.prepare(plan);
    this.plan = plan;
  }

  get nowMs(): number {
    return this.rig.process.clock.nowMs();
  }

  /** Answers the queries, which came together, as a responder does: up to GROUP_SLOTS of them. */
  answer(...queries: Uint8Array[]): Verdict[] {
    receiveAll(this.batch, this.pair, queries);
    this.hits.read(0, queries.length);
    return queries.map((_, slot) => this.#answerSlot(slot));
  }

  #answerSlot(slot: number): Verdict {
    const verdict = this.hits.answer(this.listener, slot, slot, this.nowMs);
    if (verdict !== ANSWERED && verdict !== ANSWERED_DUE) return { verdict, reply: undefined };
    if (this.replies.send(this.pair.fd) !== 0) throw new Error('a reply was not sent');
    return { verdict, reply: buffer.slice(0, receive(this.pair.client, buffer)) };
  }

  /** Answers the query through the chain, with a `bufsize` before its cache; undefined if no chain ever sees it. */
  chain(message: Uint8Array): Uint8Array | Promise<Uint8Array> | undefined {
    const request = screen(Uint8Array.from(message));
    if (request === undefined || request instanceof Uint8Array) return request;
    const query = new ServerQuery(request, arrivalOf(this.#inflight), CLIENT, this.nowMs);
    query.lowerUdpPayload(this.#cap);
    const outcome = this.rig.send(query);
    const end = (settled: Outcome): Uint8Array => {
      query.done();
      return Uint8Array.from(finish(query, settled));
    };
    return outcome instanceof Promise ? outcome.then(end) : end(outcome);
  }
}
