import type { Key } from '../corefile/cursor.ts';
import { ConfigError } from '../corefile/errors.ts';
import type { ListenerSettings } from '../directives/contract.ts';
import type { RunningBlock } from './load.ts';
import { Router } from './router.ts';

/** A place to listen at, and all that one load wants of it. */
export type Target = {
  /** `dns://ADDR:PORT`, the metrics' label `server`. */
  readonly id: string;
  /** As text; empty is the wildcard. */
  readonly address: string;
  readonly port: number;
  readonly router: Router;
  /** Other classes than IN are let through. */
  anyClass: boolean;
  /** A fault in a directive ends the process instead of one query. */
  debug: boolean;
  stacktrace: boolean;
  readMs?: number;
  idleMs?: number;
};

export type BlockTargets = {
  readonly keys: readonly Key[];
  readonly listener: ListenerSettings;
  readonly block: RunningBlock;
  /** Takes the ids of the targets through which the block is reached. */
  readonly servers: string[];
};

/** `dns://127.0.0.1:53`, `dns://[::1]:53`; the wildcard is `dns://:53`. */
export function serverId(address: string, port: number): string {
  return `dns://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/**
 * Groups the keys of all blocks by where they listen. Throws a ConfigError where two blocks claim the same zone there, or
 * where one claims it on an address and another on all.
 */
export function groupTargets(blocks: readonly BlockTargets[]): Map<string, Target> {
  checkOverlaps(blocks);
  const targets = new Map<string, Target>();
  for (const { keys, listener, block, servers } of blocks) {
    for (const key of keys) {
      for (const address of addressesOf(listener)) {
        const target = targetAt(targets, address, key.port);
        target.router.add(key.zone, block);
        if (!servers.includes(target.id)) servers.push(target.id);
        target.anyClass ||= block.anyClass;
        target.debug ||= listener.debug;
        target.stacktrace = listener.stacktrace;
        if (listener.readMs !== undefined) target.readMs = listener.readMs;
        if (listener.idleMs !== undefined) target.idleMs = listener.idleMs;
      }
    }
  }
  return targets;
}

function targetAt(targets: Map<string, Target>, address: string, port: number): Target {
  const id = serverId(address, port);
  const known = targets.get(id);
  if (known !== undefined) return known;
  const target = { id, address, port, router: new Router(), anyClass: false, debug: false, stacktrace: false };
  targets.set(id, target);
  return target;
}

function addressesOf(listener: ListenerSettings): readonly string[] {
  return listener.addresses.length === 0 ? [''] : listener.addresses;
}

/** The rule of corefile.md §7, over all tuples of zone, port and address in file order. */
function checkOverlaps(blocks: readonly BlockTargets[]): void {
  const seen = new Map<string, Set<string>>(); // zone and port to the addresses they are served on
  for (const { keys, listener } of blocks) {
    for (const key of keys) {
      const zone = `dns://${key.zone}:${key.port}`;
      const addresses = seen.get(zone) ?? new Set();
      seen.set(zone, addresses);
      for (const address of addressesOf(listener)) {
        const where = address === '' ? zone : `${zone} on ${address}`;
        if (addresses.has(address))
          throw overlap(key, `cannot serve ${where} - it is already defined; remove one of the two`);
        if (addresses.size > 0 && (address === '' || addresses.has(''))) {
          const other = [...addresses][0] ?? '';
          const detail = `zone overlap listener capacity with ${other === '' ? zone : `${zone} on ${other}`}`;
          throw overlap(key, `cannot serve ${where} - ${detail}; bind both blocks, or neither`);
        }
        addresses.add(address);
      }
    }
  }
}

function overlap(key: Key, message: string): ConfigError {
  return new ConfigError(key.token, message);
}
