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

/** The same for a command that takes words, too; flags may stand before, between and behind them. */
export function readFlagsAndWords<const Specs extends readonly FlagSpec[]>(
  program: string,
  argv: readonly string[],
  specs: Specs,
): ParsedFlags<Specs> & { readonly words: readonly string[] } {
  const flags: string[] = [];
  const words: string[] = [];
  for (let rest = argv; rest.length > 0; ) {
    const behind = restOf(rest, specs);
    flags.push(...rest.slice(0, rest.length - behind.length));
    words.push(...behind.slice(0, 1));
    rest = behind.slice(1);
  }
  return { ...readFlags(program, flags, specs), words };
}

/** What stands behind the flags; nothing where they cannot be read, or help is asked for: whoever reads them says so. */
function restOf(argv: readonly string[], specs: readonly FlagSpec[]): readonly string[] {
  try {
    const { help, rest } = parseFlags(argv, specs);
    return help ? [] : rest;
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    return [];
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
