/** `dig` as a client, its text output read. */
import { run } from '../support/child.ts';
import type { Server } from '../support/client.ts';
import { findProgram } from '../support/programs.ts';

export type DigAnswer = {
  readonly status: string;
  readonly flags: readonly string[];
  /** `version: 0, flags: do; udp: 1232`, or undefined without an OPT record. */
  readonly edns: string | undefined;
  readonly question: string;
  /** Records with single spaces between their fields. */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly text: string;
};

/** Runs dig with the given arguments, such as `['www.example.org', 'AAAA', '+dnssec']`. */
export async function dig({ address, port }: Server, args: readonly string[]): Promise<DigAnswer> {
  const where = [`@${address}`, '-p', String(port)];
  // -r: no ~/.digrc. One try, and a time-out above every deadline of the server.
  const argv = [findProgram('dig') ?? 'dig', '-r', ...where, '+tries=1', '+timeout=10', ...args];
  return readDig(await run(argv, { cwd: '/' }));
}

export function readDig(text: string): DigAnswer {
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? '',
    flags: (/;; flags: ([^;]*);/.exec(text)?.[1] ?? '').split(' ').filter(Boolean),
    edns: /; EDNS: (.*)/.exec(text)?.[1],
    question: section(text, 'QUESTION')[0]?.slice(1) ?? '',
    answer: section(text, 'ANSWER'),
    authority: section(text, 'AUTHORITY'),
    additional: section(text, 'ADDITIONAL'),
    text,
  };
}

function section(text: string, name: string): string[] {
  const lines = text.split('\n');
  const start = lines.indexOf(`;; ${name} SECTION:`);
  if (start < 0) return [];
  const end = lines.indexOf('', start);
  return lines.slice(start + 1, end < 0 ? undefined : end).map((line) => line.replace(/\s+/g, ' '));
}
