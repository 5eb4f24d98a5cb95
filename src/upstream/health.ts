import { FLAG_RD } from '../wire/header.ts';
import type { WireName } from '../wire/name.ts';
import { CLASS_IN, TYPE_NS } from '../wire/types.ts';
import { type MessageView, parseMessage } from '../wire/view.ts';
import { MessageWriter } from '../wire/writer.ts';
import type { Asker } from './exchange.ts';

const PROBE_BYTES = 512;
/** `health_check 0` means as fast as can be; not faster than this. */
const MIN_INTERVAL_MS = 10;

export type HealthOptions = {
  /** More failed probes than this in a row, and the upstream is down; 0 never looks at it. */
  readonly maxFails: number;
  /** From one failed probe to the next. */
  readonly intervalMs: number;
  /** The name whose NS records are asked for, and the RD bit. */
  readonly domain: WireName;
  readonly recursionDesired: boolean;
};

export type HealthServices = {
  /** Puts the question to the upstream, on a connection of its own. Returns what gives that up. */
  readonly probe: (question: MessageView, asker: Asker) => () => void;
  /** A probe failed. */
  readonly onFailed: () => void;
};

/**
 * Whether one upstream answers at all. Nothing is asked as long as queries are answered: the first failure of one
 * starts probes, which go on until one is answered, with whatever rcode.
 */
export class Health implements Asker {
  readonly #options: HealthOptions;
  readonly #services: HealthServices;
  #failureCount = 0;
  #isProbing = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;
  #cancelProbe: (() => void) | undefined;

  constructor(options: HealthOptions, services: HealthServices) {
    this.#options = options;
    this.#services = services;
  }

  get isDown(): boolean {
    return this.#options.maxFails > 0 && this.#failureCount > this.#options.maxFails;
  }

  /** Starts to probe, unless that is going on. */
  check(): void {
    if (this.#options.maxFails === 0 || this.#isProbing || this.#isStopped) return;
    this.#isProbing = true;
    this.#probe();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#cancelProbe?.();
  }

  onReply(): void {
    this.#failureCount = 0;
    this.#isProbing = false;
  }

  onFailure(): void {
    if (this.#isStopped) return;
    this.#failureCount++;
    this.#services.onFailed();
    this.#timer = setTimeout(() => this.#probe(), Math.max(this.#options.intervalMs, MIN_INTERVAL_MS));
    this.#timer.unref();
  }

  #probe(): void {
    this.#cancelProbe = this.#services.probe(questionOf(this.#options), this);
  }
}

function questionOf({ domain, recursionDesired }: HealthOptions): MessageView {
  const writer = new MessageWriter(PROBE_BYTES);
  writer.start(0, recursionDesired ? FLAG_RD : 0);
  writer.question(domain, TYPE_NS, CLASS_IN);
  return parseMessage(writer.finish());
}
