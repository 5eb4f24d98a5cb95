import type { Key, ServerBlock } from '../corefile/cursor.ts';
import type {
  Block,
  Handler,
  ListenerSettings,
  MaybePromise,
  Outcome,
  ProcessServices,
  Wrap,
} from '../directives/contract.ts';
import type { Logger } from '../observe/logger.ts';
import { RCODE_SERVFAIL } from '../wire/header.ts';

type Step = () => MaybePromise<void>;

/** A server block at set-up: what its directives asked for, and the chain that they make. */
export class BlockBuilder implements Block {
  readonly keys: readonly Key[];
  readonly zones: readonly string[];
  readonly servers: string[] = [];
  readonly listener: ListenerSettings = { addresses: [], debug: false, stacktrace: false };
  readonly handlers: string[] = [];
  readonly log: Logger;
  readonly process: ProcessServices;
  readonly startSteps: Step[] = [];
  readonly servingSteps: (() => void)[] = [];
  readonly shutdownSteps: Step[] = [];
  readonly stopSteps: Step[] = [];
  readonly #wraps: Wrap[] = [];

  constructor(block: ServerBlock, process: ProcessServices, log: Logger) {
    this.keys = block.keys;
    this.zones = block.keys.map((key) => key.zone);
    this.process = process;
    this.log = log;
  }

  onStart(start: Step): void {
    this.startSteps.push(start);
  }

  onServing(serving: () => void): void {
    this.servingSteps.push(serving);
  }

  onShutdown(shutdown: Step): void {
    this.shutdownSteps.push(shutdown);
  }

  onStop(stop: Step): void {
    this.stopSteps.push(stop);
  }

  /** Puts a directive's handler behind those that are there. */
  append(name: string, wrap: Wrap): void {
    if (this.handlers.at(-1) !== name) this.handlers.push(name);
    this.#wraps.push(wrap);
  }

  /** The whole chain, from the first directive on. */
  chain(): Handler {
    return this.#wraps.reduceRight((next, wrap) => wrap(next), endOfChain(this.handlers.at(-1) ?? ''));
  }
}

function endOfChain(lastHandler: string): Handler {
  const outcome: Outcome = {
    response: undefined,
    rcode: RCODE_SERVFAIL,
    source: '',
    error: new Error(`plugin/${lastHandler}: no next plugin found`),
  };
  return () => outcome;
}
