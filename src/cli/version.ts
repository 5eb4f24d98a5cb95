import { readFileSync } from 'node:fs';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** The version in package.json, which lies two folders above both the sources and the built program. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;

/** The two lines of `-version`, as CoreDNS prints them: name and version, then platform and runtime. */
export function versionLines(): string[] {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  return [`nodens-${VERSION}`, `${process.platform}/${architecture}, node ${process.version}`];
}
