/** What a process may do that others may not (capabilities(7)): which of it this one has, and how to say what it lacks. */
import { readFileSync } from 'node:fs';

/** By their numbers (linux/capability.h). */
const NAMES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

export type Capability = (typeof NAMES)[number];

/** Bit n stands for the capability of number n. */
export type CapabilitySet = bigint;

export type CapabilitySets = {
  readonly inheritable: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly effective: CapabilitySet;
  readonly bounding: CapabilitySet;
  readonly ambient: CapabilitySet;
};

export function capabilitySet(...names: readonly Capability[]): CapabilitySet {
  return names.reduce((set, name) => set | (1n << BigInt(NAMES.indexOf(name))), 0n);
}

/** The numbers in a set, from the lowest on. */
export function capabilityNumbers(set: CapabilitySet): number[] {
  const numbers: number[] = [];
  for (let number = 0; set >> BigInt(number) > 0n; number++) {
    if (((set >> BigInt(number)) & 1n) === 1n) numbers.push(number);
  }
  return numbers;
}

/** Those in a set; what a newer kernel has added is called by its number: `CAP_41`. */
export function capabilityNames(set: CapabilitySet): string[] {
  return capabilityNumbers(set).map((number) => NAMES[number] ?? `CAP_${number}`);
}

/** The sets of the main thread; undefined where the kernel does not tell them. */
export function readCapabilities(): CapabilitySets | undefined {
  try {
    return parseCapabilities(readFileSync('/proc/self/status', 'latin1'));
  } catch {
    return undefined;
  }
}

/** From the text of a file `status` of proc(5). */
export function parseCapabilities(status: string): CapabilitySets | undefined {
  const read = (name: string) => new RegExp(`^Cap${name}:\\s+([0-9a-f]+)$`, 'm').exec(status)?.[1];
  const [inheritable, permitted, effective, bounding, ambient] = ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((name) =>
    BigInt(`0x${read(name) ?? '0'}`),
  );
  if (read('Eff') === undefined) return undefined;
  return { inheritable, permitted, effective, bounding, ambient };
}

/** Whether this process is known to do without. */
export function lacksCapability(name: Capability): boolean {
  const sets = readCapabilities();
  return sets !== undefined && (sets.effective & capabilitySet(name)) === 0n;
}

/** `purpose` follows "needed to". */
export function missingCapability(name: Capability, purpose: string): string {
  const short = name.slice('CAP_'.length);
  return (
    `missing capability ${name}, needed to ${purpose}: run as root with it (in a container: capabilities.add ` +
    `${short}), or give it to the user (ambient) or to node (setcap ${name.toLowerCase()}=ep)`
  );
}
