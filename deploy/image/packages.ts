/** Files of Debian packages, laid out below a directory. */
import { spawnSync } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What Node, libnftables and both flavours of iptables load, and the authorities that TLS trusts. No shell among them. */
export const PACKAGES = [
  ...['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1'],
  ...['libnftables1', 'libnftnl11', 'libmnl0', 'libjansson4', 'libgmp10', 'libxtables12'],
  ...['iptables', 'libip4tc2', 'libip6tc2', 'libnetfilter-conntrack3', 'libnfnetlink0'],
  'ca-certificates',
];

/** Of no use to a server. Copyright files stay. */
const LEFT_OUT = [
  ...['./etc', './usr/share/man', './usr/share/lintian', './usr/share/bug', './usr/share/locale', './usr/share/gcc'],
  ...['./usr/share/doc/*/[!c]*', './usr/share/doc/*/changelog*', './usr/lib/*/gconv', './usr/lib/*/audit'],
  ...['./usr/lib/*/perl5', './usr/share/iptables', './usr/sbin/update-ca-certificates', './usr/sbin/iptables-apply'],
];
const DOWNLOAD_TIMEOUT_MS = 60_000;
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];

/**
 * Unpacks the packages, in the versions that apt knows. One that cannot be downloaded is taken from this host, if it is
 * installed; the names of those are returned.
 */
export function unpackPackages(root: string): string[] {
  for (const name of MERGED) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(join('usr', name), join(root, name));
  }
  const archive = mkdtempSync(join(tmpdir(), 'nodens-packages-'));
  try {
    const options = ['-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=2'];
    const got = spawnSync('apt-get', ['download', '-q', ...options, ...PACKAGES], {
      cwd: archive,
      timeout: DOWNLOAD_TIMEOUT_MS,
    });
    const files = got.status === 0 ? readdirSync(archive) : [];
    const fileOf = (name: string) => files.find((file) => file.startsWith(`${name}_`));
    const installed = PACKAGES.filter((name) => fileOf(name) === undefined);
    for (const name of PACKAGES) {
      const file = fileOf(name);
      if (file === undefined) extract(root, tarOfInstalled(name));
      else extract(root, output('dpkg-deb', ['--fsys-tarfile', join(archive, file)]));
    }
    return installed;
  } finally {
    rmSync(archive, { recursive: true });
  }
}

/** Links of a merged /usr stay: packages have files in /lib as well. */
function extract(root: string, tar: Buffer): void {
  const excludes = LEFT_OUT.map((pattern) => `--exclude=${pattern}`);
  output('tar', ['-x', '--keep-directory-symlink', '--no-same-owner', '-C', root, '--wildcards', ...excludes], tar);
}

function tarOfInstalled(name: string): Buffer {
  const paths = output('dpkg-query', ['-L', name]).toString().split('\n');
  const files = paths.filter((path) => path.startsWith('/') && isFile(path)).map((path) => `.${path}`);
  return output('tar', ['-c', '-C', '/', '-T', '-'], Buffer.from(files.join('\n')));
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
}

/** Runs a program to its end. Throws with what it says. */
export function output(program: string, args: readonly string[], input?: Buffer): Buffer {
  const { status, stdout, stderr, error } = spawnSync(program, args, { maxBuffer: 2 ** 30, ...(input && { input }) });
  if (status !== 0) throw new Error(`${program} ${args[0]}: ${error?.message ?? stderr.toString().trim()}`);
  return stdout;
}

/** Copies a file or folder to the same place below another root. */
export function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}
