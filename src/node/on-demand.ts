import type { Clock } from '../directives/contract.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Poller } from '../sys/poller.ts';
import type { HeldListeners } from './holding.ts';
import type { Plan } from './plan.ts';
import type { Takeover } from './takeover.ts';

export type OnDemandServices = {
  readonly listeners: HeldListeners;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly poller: Poller;
};

/** The take-over of the node, loaded once a configuration wants it: most of the memory is that of its code. */
export class TakeoverOnDemand {
  readonly #services: OnDemandServices;
  #takeover: Takeover | undefined;

  constructor(services: OnDemandServices) {
    this.#services = services;
  }

  /** Why pods may get no answer; undefined if they do. */
  get illness(): string | undefined {
    return this.#takeover?.illness;
  }

  async prepare(plan: Plan | undefined): Promise<void> {
    if (plan === undefined) return;
    if (this.#takeover === undefined) {
      const { openTakeover } = await import('./open-takeover.ts');
      this.#takeover = openTakeover(this.#services);
    }
    await this.#takeover.prepare(plan);
  }

  async apply(plan: Plan | undefined): Promise<void> {
    await this.#takeover?.apply(plan);
  }

  async settle(): Promise<void> {
    await this.#takeover?.settle();
  }

  async release(): Promise<void> {
    await this.#takeover?.release();
  }

  async giveBack(): Promise<void> {
    await this.#takeover?.giveBack();
  }
}
