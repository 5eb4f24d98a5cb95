/** The bench's own programs, in C: built anew for each run, so that none is older than its source. */
import { join } from 'node:path';
import { makeTemporaryDirectory, run } from '../test/support/child.ts';
import { findProgram } from '../test/support/programs.ts';

const PROGRAMS = ['generator', 'echo', 'stalls'] as const;

/** The path of each program. */
export type Programs = Readonly<Record<(typeof PROGRAMS)[number], string>>;

export async function buildPrograms(): Promise<Programs> {
  const directory = makeTemporaryDirectory('bench');
  const compiler = findProgram('gcc') ?? 'gcc';
  const build = async (name: string) => {
    const program = join(directory, name);
    const source = join(import.meta.dirname, `${name}.c`);
    await run([compiler, '-O2', '-Wall', '-Wextra', '-o', program, source], { cwd: directory });
    return program;
  };
  const [generator, echo, stalls] = await Promise.all(PROGRAMS.map(build));
  return { generator, echo, stalls };
}
