/** A child process with a temporary directory of its own, its output at hand, and an end that hits nobody else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

const PATIENCE_MS = 60_000;
const KILL_AFTER_MS = 20_000; // Far above every grace period of the servers under test.

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Child = {
  readonly pid: number;
  /** All it has written so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until it ends by itself; kills it when it does not. */
  untilExit(): Promise<Exit>;
  readonly running: boolean;
  kill(signal: NodeJS.Signals): void;
  /** Sends `signal` (SIGTERM), then SIGKILL if it does not end, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
};

export type SpawnOptions = {
  readonly cwd: string;
  /** Added to the environment of the tests; undefined takes a variable away. */
  readonly env?: Record<string, string | undefined>;
};

// What must not outlive the tests, also when they are interrupted.
const alive = new Set<ChildProcess>();
const directories: string[] = [];
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));

export function spawnChild(argv: readonly string[], { cwd, env = {} }: SpawnOptions): Child {
  const child = spawn(argv[0], argv.slice(1), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  alive.add(child);
  const { promise: exited, resolve } = Promise.withResolvers<Exit>();
  child.once('close', (code, signal) => {
    alive.delete(child);
    resolve({ code, signal });
  });
  child.once('error', (error) => {
    alive.delete(child);
    stderr.push(String(error));
    resolve({ code: -1, signal: null });
  });
  // A child that a failed test has left behind must not keep the tests from ending.
  child.unref();
  const untilExit = async (patienceMs = PATIENCE_MS) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs); // It keeps the tests running, too.
    const exit = await exited;
    clearTimeout(timer);
    return exit;
  };
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout.join(''),
    stderr: () => stderr.join(''),
    untilExit,
    get running() {
      return alive.has(child);
    },
    kill: (signal) => void child.kill(signal),
    stop(signal = 'SIGTERM') {
      if (alive.has(child)) child.kill(signal);
      return untilExit(KILL_AFTER_MS);
    },
  };
}

/** Runs a command to its end and gives its output; throws with all of it when the command fails. */
export async function run(argv: readonly string[], { cwd, env = {} }: SpawnOptions): Promise<string> {
  const child = spawn(argv[0], argv.slice(1), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** A new directory that every user may enter (some servers drop their privileges); removed when the tests end. */
export function makeTemporaryDirectory(purpose: string): string {
  const directory = mkdtempSync(join(tmpdir(), `nodens-${purpose}-`));
  chmodSync(directory, 0o755);
  directories.push(directory);
  return directory;
}

function collect(stream: Readable): string[] {
  if (stream instanceof Socket) stream.unref();
  const chunks: string[] = [];
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => chunks.push(chunk));
  return chunks;
}
