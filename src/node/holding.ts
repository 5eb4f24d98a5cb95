import { messageOf } from '../corefile/errors.ts';
import type { Clock } from '../directives/contract.ts';
import type { Logger } from '../observe/logger.ts';
import type { HeldAddress, Link, Links } from './links.ts';
import { addressesOf, type Plan } from './plan.ts';
import type { Endpoint, Rules } from './rules/rules.ts';
import { SetupError } from './setup-error.ts';
import type { TakeoverMetrics } from './takeover-metrics.ts';

/** What the server does for the addresses that are held. */
export type HeldListeners = {
  /** Whether every listener of this address answers, asked over its own sockets; resolves within `deadlineMs`. */
  selfQuery(address: string, deadlineMs: number): Promise<boolean>;
  /** Accepted connections of these places are ours from now on, of all others no longer. */
  mark(endpoints: readonly Endpoint[]): void;
};

export type HoldingServices = {
  readonly links: Links;
  readonly rules: Rules;
  readonly listeners: HeldListeners;
  readonly metrics: TakeoverMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** Those of these places at which other processes listen: they stay with them. */
  readonly othersAt: (endpoints: readonly Endpoint[]) => readonly Endpoint[];
};

/** One address on its way: held while it is on the node, taken while new traffic is ours. */
type State = {
  isHeld: boolean;
  isTaken: boolean;
  /** When the lease began anew. */
  renewedAtMs: number;
  answeredAtMs: number;
  /** Its silence has been told. */
  isSilent: boolean;
};

/** Where no lease says so: how long after a missed round an address may stay without an answer until that is an illness. */
const PATIENCE_MS = 30_000;
/** An address that did not answer is asked again so soon: after two whole rounds of silence its lease would be over. */
const RETRY_MS = 250;
/** What is held without being renewed any more must last until all that is under way has been answered. */
const LEAVE_S = 15;
/** A self-query is given up after a third of the lease, and in any case after so long. */
const MAX_ASK_MS = 5_000;

/**
 * Link, addresses and rules of one plan as they are on the node. `keep` makes them what the plan says, and renews what
 * runs out; it is called again and again, one call at a time.
 */
export class Holding {
  #plan: Plan;
  readonly #services: HoldingServices;
  readonly #states = new Map<string, State>();
  /** Places that new traffic no longer comes to, while what is under way there is answered. */
  #leaving: readonly Endpoint[] = [];

  constructor(plan: Plan, services: HoldingServices) {
    this.#plan = plan;
    this.#services = services;
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** Those that it has put on the node. */
  get addresses(): string[] {
    return [...this.#states.keys()];
  }

  get rules(): Rules {
    return this.#services.rules;
  }

  /** When `keep` is to be called again. */
  get nextRoundMs(): number {
    const isAnySilent = [...this.#states.values()].some(({ isSilent }) => isSilent);
    return isAnySilent ? Math.min(RETRY_MS, this.#intervalMs) : this.#intervalMs;
  }

  get #intervalMs(): number {
    return (this.leaseS === undefined ? this.#plan.syncIntervalS : this.leaseS / 3) * 1000;
  }

  /** Seconds, where what is held can run out. */
  get leaseS(): number | undefined {
    return this.#services.rules.canLease ? this.#plan.leaseS : undefined;
  }

  /** Why pods may get no answer; undefined if they do. */
  get illness(): string | undefined {
    const patienceMs = this.leaseS === undefined ? this.#intervalMs + PATIENCE_MS : this.leaseS * 1000;
    const nowMs = this.#services.clock.nowMs();
    for (const [address, { answeredAtMs }] of this.#states) {
      const silentMs = nowMs - answeredAtMs;
      if (silentMs > patienceMs) return `${address} has not answered itself for ${Math.round(silentMs / 1000)} s`;
    }
    return undefined;
  }

  /** From now on the plan is this one. What it no longer has gets no new traffic, and is held until `settle`. */
  adopt(plan: Plan): void {
    const wanted = new Set(plan.endpoints.map(textOf));
    this.#leaving = [...this.#plan.endpoints, ...this.#leaving].filter((endpoint) => !wanted.has(textOf(endpoint)));
    this.#plan = plan;
  }

  /** Nothing is under way any more at the places that the plan has lost: they are given back. */
  async settle(): Promise<void> {
    if (this.#leaving.length === 0) return;
    const shared = this.#services.othersAt(this.#leaving);
    this.#leaving = [];
    await this.#putRules([], { left: shared });
    const link = this.#findLink();
    const kept = new Set(addressesOf(this.#plan));
    for (const address of this.addresses.filter((held) => !kept.has(held))) {
      this.#setTaken(address, false);
      this.#states.delete(address);
      if (link !== undefined && !hasAddress(shared, address)) this.#removeAddress(link, address);
    }
  }

  /**
   * Makes all as planned. An address that is new, or was lost, is put on the node first, then asked for an answer, and
   * only then gets traffic; one that does not answer itself is not renewed, and so runs out.
   */
  async keep(): Promise<void> {
    const addresses = addressesOf(this.#plan);
    const fresh = this.#putMissing(addresses);
    this.#prolong((address) => !addresses.includes(address), this.leaseS);
    // What is there already is not renewed before it has answered; without rules, kube-proxy would have the question.
    if (!this.rules.isWhole) await this.#putRules(addresses);
    else if (fresh.length > 0) await this.#putRules(fresh);
    this.#services.listeners.mark(this.#plan.endpoints);
    const askMs = Math.min(this.#intervalMs, MAX_ASK_MS);
    const answers = await Promise.all(
      addresses.map(async (address) => ({
        address,
        isAnswered: await this.#services.listeners.selfQuery(address, askMs),
      })),
    );
    for (const { address, isAnswered } of answers) this.#note(address, isAnswered);
    const answered = answers.flatMap(({ address, isAnswered }) => (isAnswered ? [address] : []));
    this.#renew(answered);
    // Without a lease nothing runs out, and all stays as it is.
    await this.#putRules(this.leaseS === undefined ? addresses : answered);
  }

  /** Whether link and addresses are as they should be: what somebody else has removed must come back at once. */
  isWhole(): boolean {
    if (!this.#plan.setUpLink) return true;
    const link = this.#findLink();
    if (link === undefined || !link.up) return false;
    const present = new Set(this.#services.links.addresses(link).map(({ address }) => address));
    return addressesOf(this.#plan).every((address) => present.has(address) || !this.#stateOf(address).isHeld);
  }

  /** New traffic goes elsewhere from now on, but where others listen; what is under way is still answered. */
  async release(): Promise<void> {
    const { endpoints } = this.#plan;
    const shared = this.#services.othersAt(endpoints);
    if (endpoints.length > 0 && shared.length === endpoints.length) return;
    this.adopt({ ...this.#plan, endpoints: shared });
    const leaseS = this.leaseS && Math.max(this.leaseS, LEAVE_S);
    const isLeaving = (address: string) => !hasAddress(shared, address);
    for (const address of this.addresses.filter(isLeaving)) this.#setTaken(address, false);
    this.#services.listeners.mark(shared);
    await this.#putRules([], { leaseS });
    this.#prolong(isLeaving, leaseS);
  }

  /**
   * Takes rules, addresses and the link away, but for what a successor or another process holds. Does what it can, and
   * throws what failed.
   */
  async giveBack(successor?: Holding): Promise<void> {
    const places = [...this.#plan.endpoints, ...this.#leaving];
    const shared = this.#services.othersAt(places);
    const failures: unknown[] = [];
    if (shared.length > 0) this.#tellShared(shared);
    if (successor?.rules !== this.rules && shared.length < places.length) {
      await this.#leaveRules(shared).catch((error) => failures.push(error));
    }
    try {
      this.#leaveLink(successor, shared);
    } catch (error) {
      failures.push(error);
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, failures.map(messageOf).join('; '));
  }

  #tellShared(shared: readonly Endpoint[]): void {
    const addresses = new Set(shared.map(({ address }) => address));
    this.#services.log.info(`nodecache: another process listens on ${[...addresses].join(' ')}, which stays with it`);
  }

  async #leaveRules(shared: readonly Endpoint[]): Promise<void> {
    if (shared.length === 0) await this.rules.remove();
    else await this.rules.put({ held: [], taken: [], left: shared, healthPorts: [], leaseS: this.leaseS });
  }

  #leaveLink(successor: Holding | undefined, shared: readonly Endpoint[]): void {
    const link = this.#findLink();
    if (link === undefined || !this.#plan.setUpLink) return;
    const isSameLink = successor?.plan.interfaceName === this.#plan.interfaceName;
    const isKept = (address: string) =>
      hasAddress(shared, address) || (isSameLink && successor.addresses.includes(address));
    for (const address of this.addresses) if (!isKept(address)) this.#removeAddress(link, address);
    this.#states.clear();
    if (this.#services.links.addresses(link).every(isAutomatic)) this.#services.links.delete(link);
  }

  #findLink(): Link | undefined {
    return this.#services.links.find(this.#plan.interfaceName);
  }

  #stateOf(address: string): State {
    const known = this.#states.get(address);
    if (known !== undefined) return known;
    const nowMs = this.#services.clock.nowMs();
    const state = { isHeld: false, isTaken: false, renewedAtMs: nowMs, answeredAtMs: nowMs, isSilent: false };
    this.#states.set(address, state);
    return state;
  }

  #setTaken(address: string, isTaken: boolean): void {
    this.#stateOf(address).isTaken = isTaken;
    this.#services.metrics.held(address, isTaken);
  }

  /** Puts link and addresses on the node where they are not; says which were not there or not yet ours. */
  #putMissing(addresses: readonly string[]): string[] {
    const { links, clock } = this.#services;
    const link = this.#plan.setUpLink ? this.#ensureLink() : undefined;
    const present = link && new Set(links.addresses(link).map(({ address }) => address));
    const nowMs = clock.nowMs();
    const leaseMs = (this.leaseS ?? Number.POSITIVE_INFINITY) * 1000;
    const fresh = addresses.filter((address) => {
      const { isHeld, renewedAtMs } = this.#stateOf(address);
      return !isHeld || nowMs - renewedAtMs > leaseMs || present?.has(address) === false;
    });
    for (const address of fresh) {
      if (link !== undefined) links.putAddress(link, address, this.leaseS);
      Object.assign(this.#stateOf(address), { isHeld: true, renewedAtMs: nowMs });
      this.#setTaken(address, false);
    }
    return fresh;
  }

  #ensureLink(): Link {
    const { links, log } = this.#services;
    const { interfaceName } = this.#plan;
    let link = links.find(interfaceName);
    if (link === undefined) {
      link = links.create(interfaceName);
      log.info(`Added interface - ${interfaceName}`);
    }
    if (!link.up) links.setUp(link);
    return link;
  }

  /** Addresses that have answered hold for another lease. */
  #renew(answered: readonly string[]): void {
    const renewedAtMs = this.#services.clock.nowMs();
    for (const address of answered) {
      this.#stateOf(address).renewedAtMs = renewedAtMs;
      this.#setTaken(address, true);
    }
    const link = this.#plan.setUpLink ? this.#findLink() : undefined;
    // Whoever removed the link meanwhile is heard of by its event.
    if (link === undefined) return;
    for (const address of answered) this.#services.links.putAddress(link, address, this.leaseS);
  }

  /** Keeps addresses that are still there for as long, unasked: what is under way must be answered from them. */
  #prolong(isMeant: (address: string) => boolean, leaseS: number | undefined): void {
    const link = leaseS !== undefined && this.#plan.setUpLink ? this.#findLink() : undefined;
    if (link === undefined) return;
    for (const { address } of this.#services.links.addresses(link)) {
      if (this.#states.has(address) && isMeant(address)) this.#services.links.putAddress(link, address, leaseS);
    }
  }

  /** Writes down whether an address has answered, and says so when that changes. */
  #note(address: string, isAnswered: boolean): void {
    const { clock, log, metrics } = this.#services;
    const state = this.#stateOf(address);
    if (isAnswered) {
      if (state.isSilent) log.info(`nodecache: ${address} answers itself again, and is held`);
      state.answeredAtMs = clock.nowMs();
      state.isSilent = false;
      return;
    }
    metrics.unanswered(address);
    if (state.isSilent) return;
    state.isSilent = true;
    const what = this.leaseS === undefined ? 'it stays, as there is no lease' : 'its lease is not renewed';
    log.error(`nodecache: ${address} does not answer itself: ${what}`);
  }

  /** Has the rules for the places of these addresses; those of others are left to run out, as are further ones. */
  async #putRules(renewed: readonly string[], more: RulesMore = {}): Promise<void> {
    const { endpoints, healthPorts } = this.#plan;
    const { left = [], leaseS = this.leaseS } = more;
    const isOf = (addresses: readonly string[]) => (endpoint: Endpoint) => addresses.includes(endpoint.address);
    const taken = [...this.#states].flatMap(([address, { isTaken }]) => (isTaken ? [address] : []));
    const held = [...endpoints.filter(isOf(renewed)), ...this.#leaving];
    await this.#services.rules.put({
      held,
      taken: endpoints.filter(isOf(renewed)).filter(isOf(taken)),
      left: [...endpoints.filter((endpoint) => !isOf(renewed)(endpoint)), ...left],
      healthPorts: healthPorts.filter(isOf(renewed)),
      leaseS,
    });
  }

  #removeAddress(link: Link, address: string): void {
    try {
      this.#services.links.removeAddress(link, address);
    } catch (cause) {
      throw new SetupError('interface_check', `remove ${address} from ${link.name}: ${messageOf(cause)}`, { cause });
    }
  }
}

type RulesMore = { readonly left?: readonly Endpoint[]; readonly leaseS?: number | undefined };

function hasAddress(endpoints: readonly Endpoint[], address: string): boolean {
  return endpoints.some((endpoint) => endpoint.address === address);
}

function textOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

/** Every link that is up has a link-local address of IPv6. */
function isAutomatic({ address, family }: HeldAddress): boolean {
  return family === 6 && address.startsWith('fe80:');
}
