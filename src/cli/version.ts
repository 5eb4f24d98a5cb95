import { VERSION } from '../observe/version.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** The two lines of `-version`, as CoreDNS prints them: name and version, then platform and runtime. */
export function versionLines(): string[] {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  return [`nodens-${VERSION}`, `${process.platform}/${architecture}, node ${process.version}`];
}
