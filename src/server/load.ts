import type { HostPort } from '../corefile/values.ts';
import type { MaybePromise, ProcessServices } from '../directives/contract.ts';
import { DIRECTIVES } from '../directives/order.ts';
import type { BlockClaim } from '../node/plan.ts';
import type { Logger } from '../observe/logger.ts';
import { BlockBuilder, type RunningBlock } from './block.ts';
import type { ConfiguredBlock } from './configure.ts';
import { checkHttpEndpoints } from './http-endpoints.ts';
import { type BlockTargets, groupTargets, type Target } from './targets.ts';

/** One configuration brought to life, from set-up to stop; a reload makes a new one and stops the old. */
export class Load {
  readonly fingerprint: string;
  readonly targets: ReadonlyMap<string, Target>;
  /** As they were configured, in that order. */
  readonly blocks: readonly RunningBlock[];
  readonly #builders: readonly BlockBuilder[];
  #pending = 0;
  #whenIdle: (() => void) | undefined;

  /** Sets all directives up: one directive after the other, of each in all blocks. Leaves nothing behind if it throws. */
  constructor(configured: readonly ConfiguredBlock[], fingerprint: string, process: ProcessServices, log: Logger) {
    this.fingerprint = fingerprint;
    const blocks = configured.map((block) => ({ ...block, builder: new BlockBuilder(block.block, process, log) }));
    this.#builders = blocks.map(({ builder }) => builder);
    try {
      for (const { name } of DIRECTIVES) for (const block of blocks) setUp(name, block);
      const running = blocks.map((block) => this.#run(block));
      this.blocks = running.map(({ block }) => block);
      this.targets = groupTargets(running);
      const endpoints = this.#builders.flatMap(({ httpEndpoints }) => httpEndpoints);
      checkHttpEndpoints(endpoints, [...this.targets.values()]);
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

  /** What blocks want to be held of the node. */
  get claims(): BlockClaim[] {
    return this.#builders.flatMap(({ nodeClaim, servers }) => {
      if (nodeClaim === undefined) return [];
      const places = servers.flatMap((id) => this.targets.get(id) ?? []);
      return [{ claim: nodeClaim, places }];
    });
  }

  /** Where HTTP is served. */
  get http(): HostPort[] {
    return this.#builders.flatMap(({ httpEndpoints }) => httpEndpoints.map(({ address }) => address));
  }

  serving(): void {
    for (const builder of this.#builders) for (const step of builder.servingSteps) step();
  }

  /** Runs what goes on while the process ends, all at once; rejects with the first failure after all have ended. */
  async shutdown(): Promise<void> {
    await allOf(this.#builders.flatMap((builder) => builder.shutdownSteps));
  }

  /** What was set up last stops first: it may use what was there before it. */
  async stop(): Promise<void> {
    await allOf(this.#builders.flatMap((builder) => builder.stopSteps).toReversed());
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

  #run({ block, directives, builder }: BlockInSetUp): BlockTargets {
    const { handlers, hits, listener, servers, zones } = builder;
    const anyClass = directives.some(({ directive }) => directive.anyClass);
    const running = { handler: builder.chain(), handlers, anyClass, load: this, zones, hits };
    return { keys: block.keys, listener, servers, block: running };
  }
}

type BlockInSetUp = ConfiguredBlock & { readonly builder: BlockBuilder };

function setUp(name: string, { directives, builder }: BlockInSetUp): void {
  const configured = directives.find(({ directive }) => directive.name === name);
  if (configured !== undefined) builder.setUp(configured);
}

async function allOf(steps: readonly (() => MaybePromise<void>)[]): Promise<void> {
  const results = await Promise.allSettled(steps.map(async (step) => step()));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
