/**
 * A host of the test bed: a network and a mount namespace without a name, which go with the last process in them.
 * /run is its own (the lock of iptables is there), and so is resolv.conf.
 */
import { closeSync, openSync, readdirSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, makeTemporaryDirectory, run, spawnChild } from '../support/child.ts';
import { findProgram } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';

/** The programs that it needs, for `missing()`. */
export const HOST_PROGRAMS = ['unshare', 'nsenter', 'setpriv', 'ip', 'timeout'];

export type Host = {
  readonly name: string;
  /** The process that holds the namespaces: `/proc/PID/ns/net`. */
  readonly pid: number;
  /** Its own files: resolv.conf, and what a test wants to put there. */
  readonly directory: string;
  /** Put before a program so that it runs here; should the tests be killed, so is the program. */
  readonly enter: readonly string[];
  /** For what runs here: above all the PATH, where the host's own iptables comes first. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs a program to its end and gives what it prints; throws, with its output, when it fails or hangs. */
  exec(argv: readonly string[], options?: { readonly timeoutS?: number }): Promise<string>;
  /** Starts a program and waits for nothing. */
  spawn(argv: readonly string[]): Child;
  /** Ends every process in it, and with the last of them the namespaces. */
  close(): Promise<void>;
};

export type HostOptions = {
  readonly name: string;
  /** Lines of its /etc/resolv.conf. */
  readonly resolvConf: readonly string[];
  /** Directories before those of the PATH. */
  readonly path?: readonly string[];
};

const HOLD_S = 3600; // Above the longest run.
const KILL_ROUNDS = 20; // Who is killed may have started another one meanwhile.
const EXEC_TIMEOUT_S = 60; // Only what hangs takes so long.
// When the tests are interrupted: before child.ts ends the processes that it knows of.
const open = new Set<() => void>();
process.prependOnceListener('exit', () => {
  for (const end of open) end();
});

const EXTRA_PATH = ['/usr/sbin', '/sbin']; // The PATH of a plain user lacks them.

export async function openHost({ name, resolvConf, path = [] }: HostOptions): Promise<Host> {
  const directory = makeTemporaryDirectory(name);
  const files = { 'resolv.conf': [...resolvConf, ''].join('\n'), 'nsswitch.conf': 'hosts: dns\n' };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
  const diesWithUs = [tool('setpriv'), '--pdeathsig', 'KILL', '--'];
  const script = ['sh', '-ec', holderScript(directory, Object.keys(files))];
  const holder = spawnChild([tool('unshare'), '-mn', ...diesWithUs, ...script], { cwd: '/' });
  await eventually(`the namespaces of ${name}`, () => isReady(holder));
  const namespace = namespaceOf(holder.pid);
  // While it is open, the kernel gives the name of the namespace to no other.
  const descriptor = openSync(`/proc/${holder.pid}/ns/net`, 'r');
  const end = () => {
    if (!open.delete(end)) return;
    for (let round = 0; round < KILL_ROUNDS && processesIn(namespace).length > 0; round++) {
      for (const pid of processesIn(namespace)) kill(pid);
    }
    closeSync(descriptor);
  };
  open.add(end);
  const enter = [tool('nsenter'), `--net=/proc/${holder.pid}/ns/net`, `--mount=/proc/${holder.pid}/ns/mnt`];
  const env = { PATH: [...path, process.env.PATH ?? '', ...EXTRA_PATH].join(':') };
  return {
    name,
    pid: holder.pid,
    directory,
    enter: [...enter, ...diesWithUs],
    env,
    exec: (argv, { timeoutS = EXEC_TIMEOUT_S } = {}) =>
      run([...enter, ...diesWithUs, 'timeout', String(timeoutS), ...argv], { cwd: '/', env }),
    spawn: (argv) => spawnChild([...enter, ...diesWithUs, ...argv], { cwd: '/', env }),
    async close() {
      end();
      await holder.stop('SIGKILL');
    },
  };
}

/** The network namespace of a process, as the kernel names it, or undefined when there is no such process. */
export function namespaceOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** The processes in a network namespace. */
export function processesIn(namespace: string | undefined): number[] {
  if (namespace === undefined || namespace === namespaceOf('self')) return [];
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids.map(Number).filter((pid) => namespaceOf(pid) === namespace);
}

/** /run first: where resolv.conf is a link into it, the file is made anew there. */
function holderScript(directory: string, files: readonly string[]): string {
  const binds = files.map((file) => {
    const target = realpathSync(`/etc/${file}`);
    return `mkdir -p "$(dirname ${target})"; [ -e ${target} ] || : >${target}; mount --bind ${directory}/${file} ${target}`;
  });
  const steps = ['mount -t tmpfs tmpfs /run', ...binds, `${tool('ip')} link set lo up`, 'echo ready'];
  return `${steps.join('\n')}\nexec sleep ${HOLD_S}`;
}

function isReady(holder: Child): boolean {
  if (!holder.running) throw new Error(`unshare has ended: ${holder.stderr()}`);
  return holder.stdout().includes('ready');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function tool(name: string): string {
  return findProgram(name) ?? name;
}
