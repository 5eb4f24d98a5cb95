/** The order in which the upstreams are tried for one query. */
export type Policy = <T>(upstreams: readonly T[]) => readonly T[];

export const POLICY_NAMES = ['random', 'round_robin', 'sequential'] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

/** `random` is a number from 0 up to 1. */
export function createPolicy(name: PolicyName, random: () => number = Math.random): Policy {
  if (name === 'sequential') return (upstreams) => upstreams;
  if (name === 'random') return (upstreams) => shuffled(upstreams, random);
  let turn = 0;
  return (upstreams) => startingWith(upstreams, ++turn % upstreams.length);
}

/** A copy in random order, each order being equally likely. */
function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  if (items.length < 2) return items;
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const item = order[last];
    order[last] = order[other];
    order[other] = item;
  }
  return order;
}

/** The one at `index`, then the others in their order. */
function startingWith<T>(items: readonly T[], index: number): readonly T[] {
  if (index === 0) return items;
  return [items[index], ...items.slice(0, index), ...items.slice(index + 1)];
}
