/**
 * A network and mount namespace of its own for what cannot share the host: port 53, and /etc/resolv.conf.
 * A scenario is a program of its own that runs inside, prints one JSON value, and is judged by the test outside.
 */
import { spawnSync } from 'node:child_process';
import { realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporaryDirectory, run } from './child.ts';
import { findProgram, missing } from './programs.ts';

/** The programs that it needs, for `missing()`. */
export const NAMESPACE_PROGRAMS = ['unshare', 'ip'];

/** For the `skip` option of a test: why no namespace can be made here, or false. */
export function namespaceUnavailable(): string | false {
  const absent = missing(...NAMESPACE_PROGRAMS);
  if (absent) return absent;
  const { status } = spawnSync(findProgram('unshare') ?? 'unshare', ['-mn', 'true']);
  return status === 0 ? false : 'needs the right to make namespaces (unshare -mn as root)';
}

/** Runs a TypeScript file inside a fresh namespace whose loopback is up, and reads the JSON it prints. */
export async function runInNamespace<Outcome>(scenario: string): Promise<Outcome> {
  const setUp = `"$0" link set lo up && exec "$@"`;
  const command = ['sh', '-c', setUp, findProgram('ip') ?? 'ip', process.execPath, scenario];
  return JSON.parse(await run([findProgram('unshare') ?? 'unshare', '-mn', ...command], { cwd: import.meta.dirname }));
}

/** Inside a namespace: lets the C libraries ask this server, with these further lines in resolv.conf. */
export async function useResolver(address: string, ...lines: string[]): Promise<void> {
  const directory = makeTemporaryDirectory('etc');
  const files = { 'resolv.conf': [`nameserver ${address}`, ...lines, ''].join('\n'), 'nsswitch.conf': 'hosts: dns\n' };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, name), text);
    await run(['mount', '--bind', join(directory, name), realpathSync(`/etc/${name}`)], { cwd: directory });
  }
}
