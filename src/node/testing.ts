import type { Clock } from '../directives/contract.ts';
import type { HeldAddress, Link, Links } from './links.ts';

type FakeLink = Link & { up: boolean; readonly held: Map<string, { leaseS: number | undefined; endsAtMs: number }> };

/** Links that only tests see; each change is noted in `steps`. */
export class FakeLinks implements Links {
  readonly #links = new Map<string, FakeLink>();
  readonly #steps: string[];
  readonly #clock: Clock;
  /** Of every bridge. */
  ports = 0;

  constructor(steps: string[], clock: Clock) {
    this.#steps = steps;
    this.#clock = clock;
  }

  find(name: string): Link | undefined {
    return this.#links.get(name);
  }

  create(name: string): Link {
    this.#steps.push(`create ${name}`);
    return this.add(name, 'dummy');
  }

  /** A link that is there without our doing. */
  add(name: string, kind: string, addresses: readonly string[] = [], leaseS?: number): Link {
    const link: FakeLink = { index: this.#links.size + 2, name, kind, up: false, held: new Map() };
    for (const address of addresses) link.held.set(address, { leaseS, endsAtMs: Number.POSITIVE_INFINITY });
    this.#links.set(name, link);
    return link;
  }

  setUp({ name }: Link): void {
    this.#steps.push(`up ${name}`);
    this.#linkOf(name).up = true;
  }

  addresses({ name }: Link): HeldAddress[] {
    return [...this.#linkOf(name).held].map(([address, { leaseS }]) => {
      const family = address.includes(':') ? 6 : 4;
      return { address, family, prefixLength: family === 4 ? 32 : 128, validS: leaseS };
    });
  }

  putAddress({ name }: Link, address: string, leaseS: number | undefined): void {
    this.#steps.push(`put ${address} ${leaseS}`);
    const endsAtMs = this.#clock.nowMs() + (leaseS ?? Number.POSITIVE_INFINITY) * 1000;
    this.#linkOf(name).held.set(address, { leaseS, endsAtMs });
  }

  removeAddress({ name }: Link, address: string): void {
    this.#steps.push(`remove ${address}`);
    this.#linkOf(name).held.delete(address);
  }

  delete({ name }: Link): void {
    this.#steps.push(`delete ${name}`);
    this.#links.delete(name);
  }

  names(): string[] {
    return [...this.#links.keys()];
  }

  portCount(): number {
    return this.ports;
  }

  ownerOf(address: string): string | undefined {
    for (const { name, held } of this.#links.values()) if (held.has(address)) return name;
    return undefined;
  }

  has(name: string, address: string): boolean {
    return this.#links.get(name)?.held.has(address) ?? false;
  }

  leaseOf(address: string): number | undefined {
    for (const { held } of this.#links.values()) if (held.has(address)) return held.get(address)?.leaseS;
    return undefined;
  }

  /** Somebody else deletes the link. */
  lose(name: string): void {
    this.#links.delete(name);
  }

  /** What has run out goes. */
  expire(): void {
    for (const { held } of this.#links.values()) {
      for (const [address, { endsAtMs }] of held) if (endsAtMs <= this.#clock.nowMs()) held.delete(address);
    }
  }

  #linkOf(name: string): FakeLink {
    const link = this.#links.get(name);
    if (link === undefined) throw new Error(`no link ${name}`);
    return link;
  }
}
