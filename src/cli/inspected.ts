import type { Corefile } from '../corefile/cursor.ts';
import { silentLogger } from '../observe/logger.ts';
import { type Inspection, inspect } from '../server/inspect.ts';
import { sourceOfFlags } from './configuration-flags.ts';
import type { ServerFlags } from './flag-table.ts';
import { nodeFlags } from './node-flags.ts';

export type Inspected = Inspection & {
  readonly corefile: Corefile;
  /** What was left out of template and ConfigMaps, a line each. */
  readonly faults: readonly string[];
  /** Every ConfigMap that there is could be read. */
  readonly isWhole: boolean;
};

/**
 * The configuration that a server with these flags would serve; nothing is written, opened or held. Rejects with all that
 * is wrong with it, a line each.
 */
export async function inspectFlags(flags: ServerFlags, given: ReadonlySet<string>): Promise<Inspected> {
  const log = silentLogger();
  const services = { env: process.env, log, countFault: () => undefined, writes: false };
  const source = await sourceOfFlags(flags, given, services);
  const made = 'make' in source ? await source.make() : undefined;
  const corefile = made?.corefile ?? (await source.read());
  const inspection = await inspect(corefile, nodeFlags(flags, given), log);
  return { ...inspection, corefile, faults: made?.faults ?? [], isWhole: made?.isWhole ?? true };
}
