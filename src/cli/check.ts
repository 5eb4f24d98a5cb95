import { messageOf } from '../corefile/errors.ts';
import { formatCorefile } from '../corefile/format.ts';
import { EXIT_FAULT, fail, readFlags } from './command.ts';
import { SERVER_FLAGS } from './flag-table.ts';
import { inspectFlags } from './inspected.ts';

/**
 * `nodens check`: reads the configuration of a server with these flags as the server would, prints the Corefile that comes of
 * it, and says on stderr what is odd or wrong. Exit code 1: the server would not start with it, or would do without a ConfigMap.
 */
export async function check(argv: readonly string[]): Promise<void> {
  const { values: flags, given } = readFlags('nodens check', argv, SERVER_FLAGS);
  const { corefile, faults, isWhole } = await inspectFlags(flags, given).catch((error) => {
    return fail(error instanceof Error ? error.message : messageOf(error), EXIT_FAULT);
  });
  for (const line of [...corefile.warnings, ...faults]) process.stderr.write(`${line}\n`);
  process.stdout.write(formatCorefile(corefile.blocks));
  if (!isWhole) process.exitCode = EXIT_FAULT;
}
