/** What all commands share: how flags are read, and how a command ends. */
import { FlagError, type FlagSpec, type ParsedFlags, parseFlags, usage } from './flags.ts';

export const EXIT_FAULT = 1;
const EXIT_USAGE = 2;

/** The flags of a command that takes nothing else; ends the process where they cannot be read, or help is asked for. */
export function readFlags<const Specs extends readonly FlagSpec[]>(
  program: string,
  argv: readonly string[],
  specs: Specs,
): ParsedFlags<Specs> {
  try {
    const flags = parseFlags(argv, specs);
    if (flags.help) {
      process.stderr.write(usage(program, specs));
      process.exit(0);
    }
    if (flags.rest.length > 0) fail(`extra command line arguments: [${flags.rest.join(' ')}]`, EXIT_FAULT);
    return flags;
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    return fail(`${error.message}\n${usage(program, specs).trimEnd()}`, EXIT_USAGE);
  }
}

export function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The one line that says what is wrong, without a stack. */
export function fail(message: string, exitCode = EXIT_FAULT): never {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}
