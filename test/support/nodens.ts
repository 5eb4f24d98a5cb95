/** Starts nodens as an operator does, and waits until it serves. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Exit, makeTemporaryDirectory, spawnChild } from './child.ts';
import { type Server, UdpClient } from './client.ts';
import { freePort } from './ports.ts';
import { eventually } from './wait.ts';

const EXECUTABLE = join(import.meta.dirname, '../../bin/nodens');
// Halves the time that a start from the sources takes.
const COMPILE_CACHE = { NODE_COMPILE_CACHE: join(import.meta.dirname, '../../node_modules/.cache/compile') };
const READY_TIMEOUT_MS = 100; // Of one attempt.
const START_TIMEOUT_MS = 60_000; // Only a failing test waits this long.
/** Whoever runs the tests may choose how many responders answer hits; a test that cares gives the flag itself. */
const RESPONDERS = process.env.RESPONDERS === undefined ? [] : ['-responders', process.env.RESPONDERS];

/** Names of ports that a Corefile of a test may use, each as `{PORT}`, `{METRICS}` …; free ones take their places. */
const PORT_NAMES = ['PORT', 'PORT2', 'PORT3', 'METRICS', 'HEALTH', 'READY'] as const;
export type PortName = (typeof PORT_NAMES)[number];

export type NodensOptions = {
  /** With port names in it: `.:{PORT} { bind 127.0.0.1 … }`. */
  readonly corefile: string;
  readonly flags?: readonly string[];
  readonly env?: Record<string, string | undefined>;
  /** Put before the program: `setpriv --reuid 65534`. */
  readonly prefix?: readonly string[];
  /** Another `bin/nodens` than that of the checkout. */
  readonly executable?: string;
  /** Ports to use instead of free ones. */
  readonly ports?: Partial<Record<PortName, number>>;
  /** Where to ask whether it serves; 127.0.0.1 by default. */
  readonly address?: string;
};

export type Nodens = Server & {
  readonly pid: number;
  readonly directory: string;
  readonly ports: Readonly<Record<PortName, number>>;
  readonly corefilePath: string;
  /** Writes another Corefile, with the same ports; whoever wants it read says so (`kill('SIGUSR1')`, `reload`). */
  writeCorefile(corefile: string): void;
  stdout(): string;
  stderr(): string;
  readonly running: boolean;
  /** Waits until what it has written matches, and gives the match. */
  untilOutput(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  untilExit(): Promise<Exit>;
  stop(signal?: NodeJS.Signals): Promise<Exit>;
};

/**
 * Starts nodens and waits until it answers on `{PORT}` and, unless it is to be quiet, has said its version, which it does
 * when the start is over. Throws, with its output, when it ends before.
 */
export async function startNodens(options: NodensOptions): Promise<Nodens> {
  const nodens = await launchNodens(options);
  const client = await UdpClient.open(nodens);
  try {
    await eventually('nodens to answer', () => answers(nodens, client), START_TIMEOUT_MS);
    if (!options.flags?.includes('-quiet')) await eventually('its version', () => hasStarted(nodens), START_TIMEOUT_MS);
  } catch (cause) {
    await nodens.stop('SIGKILL');
    throw new Error(`nodens does not serve: ${nodens.stdout()}${nodens.stderr()}`, { cause });
  } finally {
    client.close();
  }
  return nodens;
}

/** Starts nodens and waits for nothing: for tests of its failures. */
export async function launchNodens(options: NodensOptions): Promise<Nodens> {
  const directory = makeTemporaryDirectory('nodens');
  const corefilePath = join(directory, 'Corefile');
  const ports = await choosePorts(options.ports ?? {});
  const writeCorefile = (corefile: string) => writeFileSync(corefilePath, fillIn(corefile, ports));
  writeCorefile(options.corefile);
  const argv = [
    ...(options.prefix ?? []),
    options.executable ?? EXECUTABLE,
    '-conf',
    corefilePath,
    ...RESPONDERS,
    ...(options.flags ?? []),
  ];
  const child = spawnChild(argv, { cwd: directory, env: { ...COMPILE_CACHE, ...options.env } });
  return {
    address: options.address ?? '127.0.0.1',
    port: ports.PORT,
    ports,
    directory,
    corefilePath,
    writeCorefile,
    pid: child.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    untilExit: child.untilExit,
    kill: child.kill,
    stop: child.stop,
    get running() {
      return child.running;
    },
    untilOutput: (pattern) =>
      eventually(`${pattern} in the output`, () => pattern.exec(child.stdout() + child.stderr()) ?? undefined),
  };
}

/** Runs nodens with these arguments until it ends by itself. */
export async function runNodens(args: readonly string[], options: { cwd?: string; prefix?: readonly string[] } = {}) {
  const cwd = options.cwd ?? makeTemporaryDirectory('nodens');
  const child = spawnChild([...(options.prefix ?? []), EXECUTABLE, ...args], { cwd, env: COMPILE_CACHE });
  const exit = await child.untilExit();
  return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
}

/** Whether any response comes back, also a late one to a query of an earlier attempt. */
async function answers(nodens: Nodens, client: UdpClient): Promise<boolean> {
  if (!nodens.running) throw new Error('nodens has ended');
  client.send(STATUS_QUERY);
  return client.receive(READY_TIMEOUT_MS).then(
    () => true,
    () => false,
  );
}

function hasStarted(nodens: Nodens): boolean {
  if (!nodens.running) throw new Error('nodens has ended');
  return /^nodens-\d/m.test(nodens.stdout());
}

// Opcode STATUS: answered NOTIMP from the header alone, so that no cache, counter or upstream sees it.
const STATUS_QUERY = Buffer.from([0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

async function choosePorts(given: Partial<Record<PortName, number>>): Promise<Record<PortName, number>> {
  const [PORT, PORT2, PORT3, METRICS, HEALTH, READY] = await Promise.all(
    PORT_NAMES.map((name) => given[name] ?? freePort()),
  );
  return { PORT, PORT2, PORT3, METRICS, HEALTH, READY };
}

function fillIn(corefile: string, ports: Record<PortName, number>): string {
  return PORT_NAMES.reduce((text, name) => text.replaceAll(`{${name}}`, String(ports[name])), corefile);
}
