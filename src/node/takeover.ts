import { messageOf } from '../corefile/errors.ts';
import { Holding, type HoldingServices } from './holding.ts';
import type { Plan } from './plan.ts';
import type { Rules } from './rules/rules.ts';
import { SetupError } from './setup-error.ts';

/** Several events that come together are one reason to look. */
const EVENT_DELAY_MS = 50;
/** What could not be done is tried again so soon. */
const RETRY_MS = 5000;

export type TakeoverServices = Omit<HoldingServices, 'rules'> & {
  /** Throws what speaks against the plan on this host, which it leaves as it is. */
  readonly checkHost: (plan: Plan, ownAddresses: readonly string[]) => Promise<void>;
  /** The backend for the plan. */
  readonly chooseRules: (plan: Plan) => Promise<Rules>;
  /** Calls back when links or addresses change; returns what ends that. */
  readonly watchLink: (changed: () => void) => () => void;
};

/**
 * Holds the addresses of the node for the server, from the first configuration to the end of the process. Its steps run
 * one after the other, whoever asks for them.
 */
export class Takeover {
  readonly #services: TakeoverServices;
  #holding: Holding | undefined;
  /** What the last configuration held otherwise, until nothing is under way there. */
  #former: Holding | undefined;
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void)[] = [];
  #isLeaving = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(services: TakeoverServices) {
    this.#services = services;
  }

  /** Why pods may get no answer; undefined if they do. */
  get illness(): string | undefined {
    return this.#holding?.illness;
  }

  /** Looks whether the host can be as planned; changes nothing. Throws what is wrong. */
  async prepare(plan: Plan | undefined): Promise<void> {
    if (plan !== undefined) await this.#services.checkHost(plan, this.#holding?.addresses ?? []);
  }

  /**
   * The listeners of the plan are open: the node is made as planned. New traffic no longer goes to what the plan has lost,
   * which is held until `settle`. Rejects with all as it was before.
   */
  apply(plan: Plan | undefined): Promise<void> {
    return this.#inTurn(() => this.#apply(plan));
  }

  /** The listeners that the last `apply` has left without traffic are closed. */
  settle(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#leaveFormer();
      await this.#holding?.settle();
    });
  }

  /** The process ends: where no other one listens, new traffic goes elsewhere, and what is under way is answered. */
  release(): Promise<void> {
    this.#isLeaving = true;
    this.#unwatchAll();
    return this.#inTurn(async () => {
      if (this.#holding?.plan.skipTeardown === false) await this.#holding.release();
    });
  }

  /** Nothing more is under way: the last process that listens somewhere takes that away. */
  giveBack(): Promise<void> {
    return this.#inTurn(async () => {
      const holding = this.#holding;
      this.#holding = undefined;
      if (holding === undefined) return;
      const { log } = this.#services;
      if (holding.plan.skipTeardown) {
        log.info('nodecache: skipping teardown');
      } else {
        log.info('Tearing down');
        await holding.giveBack();
      }
    });
  }

  async #leaveFormer(): Promise<void> {
    const former = this.#former;
    this.#former = undefined;
    await former?.giveBack(this.#holding);
  }

  async #apply(plan: Plan | undefined): Promise<void> {
    await this.#leaveFormer();
    const old = this.#holding;
    if (plan === undefined) {
      if (old !== undefined) await this.#part(old);
    } else if (old === undefined || differs(old.plan, plan)) {
      await this.#begin(plan, old);
    } else {
      await this.#continue(plan, old);
    }
  }

  /** The first round of a holding; what it has done is undone if it fails. */
  async #begin(plan: Plan, old: Holding | undefined): Promise<void> {
    const rules = old?.plan.backend === plan.backend ? old.rules : await this.#services.chooseRules(plan);
    const holding = new Holding(plan, { ...this.#services, rules });
    let waitMs: number;
    try {
      waitMs = await this.#keep(holding, isPassing);
    } catch (error) {
      await holding.giveBack(old).catch((failure) => this.#report(failure));
      await old?.keep().catch((failure) => this.#report(failure));
      throw error;
    }
    this.#former = old;
    this.#holding = holding;
    if (this.#isLeaving) return;
    this.#watch(holding);
    this.#schedule(waitMs);
  }

  /** The same link and backend hold other places. */
  async #continue(plan: Plan, holding: Holding): Promise<void> {
    const before = holding.plan;
    holding.adopt(plan);
    try {
      this.#schedule(await this.#keep(holding, isPassing));
    } catch (error) {
      holding.adopt(before);
      await holding.settle().catch((failure) => this.#report(failure));
      throw error;
    }
  }

  /** Nothing is to be held any more. */
  async #part(holding: Holding): Promise<void> {
    this.#unwatchAll();
    this.#holding = undefined;
    if (holding.plan.skipTeardown) return;
    await holding.release();
    this.#former = holding;
  }

  #unwatchAll(): void {
    clearTimeout(this.#timer);
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
  }

  #watch(holding: Holding): void {
    this.#unwatchAll();
    let waiting: NodeJS.Timeout | undefined;
    const look = (isAmiss: () => boolean) => {
      waiting ??= setTimeout(() => {
        waiting = undefined;
        if (isAmiss()) void this.#round();
      }, EVENT_DELAY_MS).unref();
    };
    this.#unwatch.push(
      this.#services.watchLink(() => look(() => !holding.isWhole())),
      () => clearTimeout(waiting),
    );
    const unwatchRules = holding.rules.watch?.(() => look(() => true));
    if (unwatchRules !== undefined) this.#unwatch.push(unwatchRules);
  }

  /** The next round, over and over. */
  #schedule(waitMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#isLeaving) this.#timer = setTimeout(() => void this.#round(), waitMs).unref();
  }

  /** Renews what is held, and puts back what is missing. */
  #round(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#inTurn(async () => {
      if (this.#holding === undefined || this.#isLeaving) return;
      this.#schedule(await this.#keep(this.#holding, () => true));
    });
  }

  /** A round; what fails and may pass is said and counted, and DNS goes on. Resolves to when the next one is due. */
  async #keep(holding: Holding, mayPass: (error: unknown) => boolean): Promise<number> {
    try {
      await holding.keep();
      return holding.nextRoundMs;
    } catch (error) {
      if (!mayPass(error)) throw error;
      this.#report(error);
      return Math.min(holding.nextRoundMs, RETRY_MS);
    }
  }

  #report(error: unknown): void {
    if (error instanceof SetupError) this.#services.metrics.failed(error.kind);
    this.#services.log.error(`nodecache: ${messageOf(error)}`);
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** Somebody else has the lock of iptables: neither a start nor a reload need fail for it. */
function isPassing(error: unknown): boolean {
  return error instanceof SetupError && error.kind === 'iptables_lock';
}

/** Whether another link or backend is wanted. */
function differs(old: Plan, plan: Plan): boolean {
  const { interfaceName, setUpLink, backend } = plan;
  return old.interfaceName !== interfaceName || old.setUpLink !== setUpLink || old.backend !== backend;
}
