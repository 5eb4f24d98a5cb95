/** What figures are worth nothing without: the machine, the versions, and how the load was made. */
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { run } from '../test/support/child.ts';
import { findProgram } from '../test/support/programs.ts';
import { HIT_NAMES } from './compared.ts';
import type { Cores } from './machine.ts';
import type { Options } from './options.ts';

export async function conditions(options: Options, cores: Cores): Promise<string> {
  const packageJson: { version: string } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'),
  );
  const versions = [
    `nodens ${packageJson.version} (Node ${process.version})`,
    await version('unbound', ['-V'], /Version ([\d.]+)/),
    await version('dnsmasq', ['--version'], /version ([\d.]+)/i),
    await version('nsd', ['-v'], /version ([\d.]+)/),
    await version('dnsperf', ['-h'], /Version ([\d.]+)/),
  ];
  const names = HIT_NAMES.toLocaleString('en-US');
  return `machine   ${cpus().length} cores, ${cpus()[0].model}, Linux ${release()}
pinned    server to core ${cores.server}; generator and upstream to core ${cores.generator}
load      UDP, ${names} names, ${options.rounds} rounds of ${options.seconds} s for each figure, servers in turn
versions  ${versions.join(', ')}`;
}

/** Some of them print their version on stderr, some with an exit code that says failure. */
async function version(program: string, args: string[], pattern: RegExp): Promise<string> {
  const command = ['sh', '-c', '"$0" "$@" 2>&1 || true', findProgram(program) ?? program, ...args];
  return `${program} ${pattern.exec(await run(command, { cwd: '/' }))?.[1] ?? '?'}`;
}
