import type { Endpoint } from './endpoint.ts';
import type { Upstream } from './upstream.ts';

/** The upstreams that a list of endpoints stands for, in its order; the list may change while queries are in flight. */
export class UpstreamSet {
  readonly #create: (endpoint: Endpoint) => Upstream;
  #upstreams: readonly Upstream[] = [];

  constructor(create: (endpoint: Endpoint) => Upstream) {
    this.#create = create;
  }

  /** Never changed in place: whoever is at work with it keeps a list that stays as it is. */
  get upstreams(): readonly Upstream[] {
    return this.#upstreams;
  }

  /** Those that stay keep their connections and what is known of their health; those that go finish what they have. */
  update(endpoints: readonly Endpoint[]): void {
    const free = [...this.#upstreams];
    this.#upstreams = endpoints.map((endpoint) => {
      const index = free.findIndex((upstream) => isSame(upstream.endpoint, endpoint));
      return index === -1 ? this.#create(endpoint) : free.splice(index, 1)[0];
    });
    for (const upstream of free) upstream.retire();
  }

  retire(): void {
    for (const upstream of this.#upstreams) upstream.retire();
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.protocol === b.protocol && a.text === b.text && a.serverName === b.serverName;
}
