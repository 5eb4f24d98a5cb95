import { totalmem } from 'node:os';

const MIB = 2 ** 20;
const MIN_CACHE_BYTES = 16 * MIB;
/** Where no cgroup limits the memory: more than this is no use for one node's names. */
const MAX_UNLIMITED_BYTES = 256 * MIB;
const SHARE = 1 / 4;

/** The cache's share of the memory: a quarter of the cgroup's limit, at least 16 MiB. */
export function defaultCacheBytes(limitBytes = process.constrainedMemory(), totalBytes = totalmem()): number {
  const limited = limitBytes > 0 && limitBytes < totalBytes;
  const share = Math.trunc((limited ? limitBytes : totalBytes) * SHARE);
  return Math.max(MIN_CACHE_BYTES, limited ? share : Math.min(share, MAX_UNLIMITED_BYTES));
}
