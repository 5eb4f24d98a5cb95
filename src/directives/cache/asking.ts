import type { Logger } from '../../observe/logger.ts';
import { FLAG_AD, setFlags } from '../../wire/header.ts';
import { TYPE_HINFO } from '../../wire/types.ts';
import { after } from '../after.ts';
import type { Handler, MaybePromise, Query } from '../contract.ts';
import { Flights } from './flights.ts';
import { limitOf, type Reply, type ReplyKeeper } from './reply.ts';

export type AsideOptions = { readonly protocol?: Query['protocol']; readonly onStart?: () => void };

/** Asks the rest of the chain, once for all who want to know the same. */
export class Asking {
  readonly #next: Handler;
  readonly #keeper: ReplyKeeper;
  readonly #log: Logger;
  readonly #flights = new Flights<Reply>();

  constructor(next: Handler, keeper: ReplyKeeper, log: Logger) {
    this.#next = next;
    this.#keeper = keeper;
    this.#log = log;
  }

  isAsking(query: Query): boolean {
    return this.#flights.get(flightKey(query)) !== undefined;
  }

  /**
   * Asks with this query, which must have been admitted, or waits for one that is on its way. HINFO, which only the probes
   * of `loop` ask for, never waits: one that comes back to us while it is on its way has to be seen there again. A nested
   * query may be what the one on its way is waiting for.
   */
  ask(query: Query): MaybePromise<Reply> {
    const isAlone = query.qtype === TYPE_HINFO || query.isNested;
    const pending = isAlone ? undefined : this.#flights.get(flightKey(query));
    if (pending === undefined) return this.#start(query, false);
    return pending.then((reply) => {
      // Others may have room for what was cut: who comes over TCP does so for just that.
      const isUseless = reply.verdict === 'truncated' && reply.limitBytes < limitOf(query);
      return isUseless ? this.ask(query) : reply;
    });
  }

  /**
   * Asks with a query of the server's own that goes on whether or not anybody waits; `onStart` is called unless that was
   * impossible, as there was no place for it. Undefined: there will be no answer.
   */
  async askAside(query: Query, { protocol, onStart }: AsideOptions = {}): Promise<Reply | undefined> {
    const background = query.background(protocol);
    try {
      if (!background.admit()) return undefined;
      onStart?.();
      return await this.#start(background, true);
    } catch (error) {
      this.#log.error(`refreshing ${query.qname} failed: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    } finally {
      background.done();
    }
  }

  #start(query: Query, isRefresh: boolean): MaybePromise<Reply> {
    return this.#flights.start(flightKey(query), () => {
      const { request } = query;
      // RFC 6840 §5.7: asks whether the answer is authentic, for the clients to come that want to know.
      setFlags(request.bytes, request.flags | FLAG_AD);
      return after(this.#next(query), (outcome) => this.#keeper.settle(query, outcome, isRefresh));
    });
  }
}

function flightKey({ qname, qtype, qclass, dnssecOk, request }: Query): string {
  return `${qname} ${qtype} ${qclass} ${dnssecOk ? 'DO' : ''} ${request.cd ? 'CD' : ''}`;
}
