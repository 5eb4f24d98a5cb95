/** The resolvers of glibc and musl, as real programs use them. They ask port 53 of /etc/resolv.conf and nothing else. */
import { join } from 'node:path';
import { makeTemporaryDirectory, run } from '../support/child.ts';
import { findProgram } from '../support/programs.ts';

export type Libc = 'glibc' | 'musl';

const COMPILERS: Record<Libc, string> = { glibc: 'gcc', musl: 'musl-gcc' };

/** The programs that it needs, for `missing()`. */
export const GETADDRINFO_PROGRAMS = Object.values(COMPILERS);

/** Gives a function that looks names up: by name, its addresses in their order, or the error as one word. */
export async function buildGetaddrinfo(libc: Libc) {
  const program = await compileGetaddrinfo(libc);
  return async (...names: string[]): Promise<Record<string, string[]>> => {
    const lines = (await run([program, ...names], { cwd: '/' })).trimEnd().split('\n');
    const fields = lines.map((line) => line.split(' '));
    return Object.fromEntries(fields.map(([name, ...results]) => [name, results]));
  };
}

/** The program itself, for who runs it elsewhere. */
export async function compileGetaddrinfo(libc: Libc): Promise<string> {
  const directory = makeTemporaryDirectory('getaddrinfo');
  const program = join(directory, libc);
  const source = join(import.meta.dirname, 'getaddrinfo.c');
  const compiler = findProgram(COMPILERS[libc]) ?? COMPILERS[libc];
  await run([compiler, '-O1', '-o', program, source], { cwd: directory });
  return program;
}
