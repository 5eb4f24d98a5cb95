import type { Handler, MaybePromise, ProcessServices } from '../directives/contract.ts';
import { DIRECTIVES } from '../directives/order.ts';
import type { Logger } from '../observe/logger.ts';
import { BlockBuilder } from './block.ts';
import type { ConfiguredBlock } from './configure.ts';
import { groupTargets, type Target } from './targets.ts';

/** A block that answers queries. */
export type RunningBlock = {
  readonly handler: Handler;
  /** Its directives that handle queries; a block without any refuses all. */
  readonly handlers: readonly string[];
  readonly anyClass: boolean;
  /** Counts the queries that wait. */
  readonly load: Pick<Load, 'enter' | 'leave'>;
};

/** One configuration brought to life, from set-up to stop; a reload makes a new one and stops the old. */
export class Load {
  readonly fingerprint: string;
  readonly targets: ReadonlyMap<string, Target>;
  readonly #builders: readonly BlockBuilder[];
  #pending = 0;
  #whenIdle: (() => void) | undefined;

  /** Sets all directives up: one directive after the other, of each in all blocks. Leaves nothing behind if it throws. */
  constructor(configured: readonly ConfiguredBlock[], fingerprint: string, process: ProcessServices, log: Logger) {
    this.fingerprint = fingerprint;
    this.#builders = configured.map(({ block }) => new BlockBuilder(block, process, log));
    try {
      for (const directive of DIRECTIVES) {
        configured.forEach((block, i) => {
          this.#setUp(directive.name, block, this.#builders[i] as BlockBuilder);
        });
      }
      this.targets = groupTargets(configured.map((block, i) => this.#run(block, this.#builders[i] as BlockBuilder)));
    } catch (error) {
      void this.stop();
      throw error;
    }
  }

  /** Runs what must be there before the listeners open. On failure all is given back before it rejects. */
  async start(): Promise<void> {
    try {
      for (const builder of this.#builders) for (const step of builder.startSteps) await step();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  serving(): void {
    for (const builder of this.#builders) for (const step of builder.servingSteps) step();
  }

  /** Runs what goes on while the process ends, all at once; rejects with the first failure after all have ended. */
  async shutdown(): Promise<void> {
    await allOf(this.#builders.flatMap((builder) => builder.shutdownSteps));
  }

  async stop(): Promise<void> {
    await allOf(this.#builders.flatMap((builder) => builder.stopSteps));
  }

  /** Counts a query of this load that waits; `leave` ends it. */
  enter(): void {
    this.#pending++;
  }

  leave(): void {
    if (--this.#pending === 0) this.#whenIdle?.();
  }

  /** Resolves when no query of this load waits any more, or after `graceMs`. */
  idle(graceMs: number): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#whenIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #setUp(name: string, configured: ConfiguredBlock, builder: BlockBuilder): void {
    for (const { directive, config } of configured.directives) {
      if (directive.name !== name) continue;
      const wrap = directive.setup(config, builder);
      if (wrap !== undefined) builder.append(name, wrap);
    }
  }

  #run({ block, directives }: ConfiguredBlock, builder: BlockBuilder) {
    const anyClass = directives.some(({ directive }) => directive.anyClass === true);
    const running = { handler: builder.chain(), handlers: builder.handlers, anyClass, load: this };
    return { keys: block.keys, listener: builder.listener, servers: builder.servers, block: running };
  }
}

async function allOf(steps: readonly (() => MaybePromise<void>)[]): Promise<void> {
  const results = await Promise.allSettled(steps.map(async (step) => step()));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
