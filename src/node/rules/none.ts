import type { Rules } from './rules.ts';

/** No rules: traffic comes by its address alone, which has its own lease. */
export function noRules(): Rules {
  return { name: 'none', canLease: true, isWhole: true, put: async () => undefined, remove: async () => undefined };
}
