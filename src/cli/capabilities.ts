import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type CapabilitySet,
  type CapabilitySets,
  capabilityNames,
  capabilitySet,
  readCapabilities,
} from '../sys/capabilities.ts';

/** For addresses, links and rules; for ports below 1024; for the raw socket of iptables-legacy. */
const NEEDED = capabilitySet('CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW');
const SETPCAP = capabilitySet('CAP_SETPCAP');
/** Tells the second execution that it is one: there is no third. */
const EXECUTED_AGAIN = 'NODENS_EXECUTED_AGAIN';

export type Change = {
  /** What the process goes on with. */
  readonly kept: CapabilitySet;
  /** What no program executed from here on may have again. */
  readonly barred: CapabilitySet;
  /** A program executed from here on has no more than what is kept: for us, the way to be rid of it in every thread. */
  readonly needsExecution: boolean;
};

/** What is to be done so that only what is needed is left; undefined if nothing is. */
export function changeOf(sets: CapabilitySets, isRoot: boolean): Change | undefined {
  const kept = sets.permitted & NEEDED;
  const surplus = (sets.permitted | sets.inheritable | sets.ambient) & ~NEEDED;
  const barred = (sets.effective & SETPCAP) === 0n ? 0n : sets.bounding & ~NEEDED;
  // An ordinary user's programs, such as iptables, have the ambient ones alone.
  const given = isRoot ? sets.effective : sets.effective & sets.ambient;
  if (surplus === 0n && barred === 0n && (kept & ~given) === 0n) return undefined;
  // What root executes has all that is not barred.
  const regains = isRoot && (sets.bounding & ~barred & ~NEEDED) !== 0n;
  return { kept, barred, needsExecution: (surplus | barred) !== 0n && !regains };
}

/**
 * Gives up all capabilities that nodens does not need, and hands those that it does on to what it executes. Threads that
 * run already, those of V8, would keep theirs; so if there is something to give up, the process executes itself again
 * with less (measured: 70 ms), and does not return from here. Gives a warning if some could not be given up.
 */
export async function keepNeededCapabilities(): Promise<string | undefined> {
  const isSecond = process.env[EXECUTED_AGAIN] !== undefined;
  delete process.env[EXECUTED_AGAIN];
  const sets = readCapabilities();
  const change = sets && changeOf(sets, process.geteuid?.() === 0);
  if (sets === undefined || change === undefined) return undefined;
  const surplus = capabilityNames(sets.permitted & ~NEEDED);
  try {
    await apply(change, isSecond);
    if (surplus.length === 0) return undefined;
    return `some threads keep capabilities that are not needed: ${surplus.join(' ')}`;
  } catch (error) {
    return `capabilities that are not needed are kept: ${error instanceof Error ? error.message : error}`;
  }
}

/**
 * Makes all that this process may have effective, and gives up nothing. The file of Node in the image has capabilities that
 * are not effective by themselves, so that a container without one of them can be started, and says so.
 */
export async function usePermittedCapabilities(): Promise<void> {
  const sets = readCapabilities();
  if (sets === undefined || sets.effective === sets.permitted) return;
  const { setCapabilities } = await import('../sys/set-capabilities.ts');
  setCapabilities({ ...sets, effective: sets.permitted });
}

/** Returns only where executing the program again is of no use. */
async function apply({ kept, barred, needsExecution }: Change, isSecond: boolean): Promise<void> {
  const { dropFromBounding, replaceProcess, setAmbient, setCapabilities } = await import('../sys/set-capabilities.ts');
  dropFromBounding(barred);
  setCapabilities({ effective: kept, permitted: kept, inheritable: kept });
  setAmbient(kept);
  if (!needsExecution || isSecond) return;
  // A signal that has come by now is still ours to handle.
  await nextTurn();
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.env[EXECUTED_AGAIN] = '1';
  try {
    replaceProcess(process.execPath, argv);
  } finally {
    delete process.env[EXECUTED_AGAIN];
  }
}
