import { execFile } from 'node:child_process';

/** Above the 5 s that iptables waits for its lock. */
const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export type Outcome = {
  /** Of the program's end; -1 if it could not be run, or did not end in time. */
  readonly code: number;
  readonly stdout: string;
  /** What it says is wrong, in one line. */
  readonly error: string;
};

/** Runs a program of the host to its end. */
export type RunProgram = (name: string, args: readonly string[]) => Promise<Outcome>;

export const runProgram: RunProgram = (name, args) =>
  new Promise((resolve) => {
    execFile(name, args, { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }, (failure, stdout, stderr) => {
      const code = failure === null ? 0 : typeof failure.code === 'number' ? failure.code : -1;
      const reason = failure?.killed ? `no end after ${TIMEOUT_MS / 1000} s` : (failure?.message ?? '');
      resolve({ code, stdout, error: oneLine(stderr) || oneLine(reason) });
    });
  });

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, '; ');
}
