import { examine } from '../node/doctor/examine.ts';
import { type Finding, finding, findingText } from '../node/doctor/finding.ts';
import { EXIT_FAULT, print, readFlags } from './command.ts';
import { DOCTOR_FLAGS, type ServerFlags } from './flag-table.ts';
import { inspectFlags } from './inspected.ts';

/** `nodens doctor`: looks at the host and the configuration of a server with these flags, and says what it finds. */
export async function doctor(argv: readonly string[]): Promise<void> {
  const { values: flags, given } = readFlags('nodens doctor', argv, DOCTOR_FLAGS);
  const { findings, subject } = await inspectConfiguration(flags, given);
  const all = [...findings, ...(await examine({ ...subject, resolvConf: flags.resolvconf }))];
  print(flags.json ? [JSON.stringify(all, undefined, 2)] : all.map(findingText));
  process.exitCode = all.some(({ level }) => level === 'error') ? EXIT_FAULT : 0;
}

/** What the configuration wants of the host; where it cannot be read, that is the first finding. */
async function inspectConfiguration(flags: ServerFlags, given: ReadonlySet<string>) {
  const nothing = { places: [], plan: undefined };
  try {
    const { targets, plan } = await inspectFlags(flags, given);
    const places = targets.map(({ address, port: at }) => ({ address, port: at }));
    return { findings: [], subject: { places, plan } };
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).split('\n');
    const findings: Finding[] = lines.map((line) => finding('configuration', 'error', line));
    return { findings, subject: nothing };
  }
}
