import type { Key, Token } from '../corefile/cursor.ts';
import { ConfigError } from '../corefile/errors.ts';
import type { ListenerSettings } from '../directives/contract.ts';
import type { RunningBlock } from './block.ts';
import { Router } from './router.ts';

/** A place to listen at, and all that one load wants of it. */
export type Target = {
  /** `dns://ADDR:PORT`, the metrics' label `server`. */
  readonly id: string;
  /** As text; empty is the wildcard. */
  readonly address: string;
  readonly port: number;
  /** The first key that wants it, for errors. */
  readonly token: Token;
  readonly router: Router;
  /** Other classes than IN are let through. */
  anyClass: boolean;
  /** A fault in a directive ends the process instead of one query. */
  debug: boolean;
  stacktrace: boolean;
  readMs?: number;
  idleMs?: number;
  maxTcpQueries?: number;
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
        const target = targetAt(targets, address, key);
        target.router.add(key.zone, block);
        if (!servers.includes(target.id)) servers.push(target.id);
        target.anyClass ||= block.anyClass;
        target.debug ||= listener.debug;
        target.stacktrace = listener.stacktrace;
        if (listener.readMs !== undefined) target.readMs = listener.readMs;
        if (listener.idleMs !== undefined) target.idleMs = listener.idleMs;
        if (listener.maxTcpQueries !== undefined) target.maxTcpQueries = listener.maxTcpQueries;
      }
    }
  }
  return targets;
}

function targetAt(targets: Map<string, Target>, address: string, { port, token }: Key): Target {
  const id = serverId(address, port);
  const known = targets.get(id);
  if (known !== undefined) return known;
  const target = { id, address, port, token, router: new Router(), anyClass: false, debug: false, stacktrace: false };
  targets.set(id, target);
  return target;
}

function addressesOf(listener: ListenerSettings): readonly string[] {
  return listener.addresses.length === 0 ? [''] : listener.addresses;
}

/** The rule of corefile.md §7, over all tuples of zone, port and address in file order. */
function checkOverlaps(blocks: readonly BlockTargets[]): void {
  const seen = new Map<string, Map<string, Key>>(); // zone and port to the addresses they are served on
  for (const { keys, listener } of blocks) {
    for (const key of keys) {
      const zone = `dns://${key.zone}:${key.port}`;
      const served = seen.get(zone) ?? new Map<string, Key>();
      seen.set(zone, served);
      for (const address of addressesOf(listener)) {
        const same = served.get(address);
        if (same !== undefined) {
          throw overlap(key, zone, address, `it is already defined in ${lineOf(same)}; remove one of the two`);
        }
        const [other] = address === '' || served.has('') ? served : [];
        if (other !== undefined) {
          const [otherAddress, otherKey] = other;
          const place = `${placeOf(zone, otherAddress)} of ${lineOf(otherKey)}`;
          throw overlap(
            key,
            zone,
            address,
            `zone overlap listener capacity with ${place}; bind both blocks, or neither`,
          );
        }
        served.set(address, key);
      }
    }
  }
}

function overlap(key: Key, zone: string, address: string, reason: string): ConfigError {
  return new ConfigError(key.token, `cannot serve ${placeOf(zone, address)} - ${reason}`);
}

function placeOf(zone: string, address: string): string {
  return address === '' ? zone : `${zone} on ${address}`;
}

function lineOf({ token }: Key): string {
  return `${token.file}:${token.line}`;
}
