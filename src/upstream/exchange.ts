import type { MessageView } from '../wire/view.ts';
import { randomU16 } from './random.ts';
import type { Timed } from './timer-wheel.ts';

/** Who asked. Gets exactly one of the two, once for each exchange, perhaps before the asking has returned. */
export interface Asker {
  onReply(reply: MessageView): void;
  onFailure(error: Error): void;
}

/** Whoever has an exchange while it waits: the socket that carries it, or the pool that connects for it. */
export interface Holder {
  onTimeout(exchange: Exchange, nowMs: number): void;
}

/** A message that answers nothing in flight; `exchange` is set if it has the id of one, but not its question. */
export type OnStray = (message: Uint8Array, exchange: Exchange | undefined) => void;

export type ExchangeFields = {
  readonly request: MessageView;
  readonly asker: Asker;
  /** The longest datagram that the client can take; a longer reply counts as cut. */
  readonly receiveLimitBytes: number;
  /** The end of it all, however many time-outs are left. */
  readonly deadlineMs: number;
  /** Any header that comes back is an answer: a health check asks for signs of life only. */
  readonly headerSuffices?: boolean;
};

/** One query put to one upstream, until it is answered or has failed. */
export class Exchange implements Timed {
  readonly request: MessageView;
  readonly asker: Asker;
  readonly receiveLimitBytes: number;
  readonly deadlineMs: number;
  readonly headerSuffices: boolean;
  /** The id it has on the wire. */
  id = 0;
  sentAtMs = 0;
  /** On a stream: replies that the connection had carried when this was put on it. */
  repliesBefore = 0;
  /** How often it was moved to another connection because the one that it was on broke. */
  moveCount = 0;
  holder: Holder | undefined;
  dueAtMs = 0;
  wheelSlot = -1;
  wheelPrevious: Timed | undefined;
  wheelNext: Timed | undefined;

  constructor(fields: ExchangeFields) {
    this.request = fields.request;
    this.asker = fields.asker;
    this.receiveLimitBytes = fields.receiveLimitBytes;
    this.deadlineMs = fields.deadlineMs;
    this.headerSuffices = fields.headerSuffices ?? false;
  }

  onDue(nowMs: number): void {
    this.holder?.onTimeout(this, nowMs);
  }
}

/** The exchanges in flight on one socket, by the ids that they have there. */
export class PendingTable {
  readonly #byId = new Map<number, Exchange>();
  get size(): number {
    return this.#byId.size;
  }

  /** Gives the exchange an id that no other one on this socket has. */
  add(exchange: Exchange): void {
    let id = randomU16();
    while (this.#byId.has(id)) id = randomU16();
    exchange.id = id;
    this.#byId.set(id, exchange);
  }

  find(id: number): Exchange | undefined {
    return this.#byId.get(id);
  }

  delete(exchange: Exchange): void {
    this.#byId.delete(exchange.id);
  }

  /** Empties the table. */
  takeAll(): Exchange[] {
    const exchanges = [...this.#byId.values()];
    this.#byId.clear();
    return exchanges;
  }
}
