/** Which programs of the host a test needs, and the Debian package of each. `.ci/run` installs these packages. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  chroot: 'coreutils',
  conntrack: 'conntrack',
  dig: 'bind9-dnsutils',
  dnsmasq: 'dnsmasq-base',
  'dnstap-read': 'bind9-dnsutils',
  dnsperf: 'dnsperf',
  'dpkg-query': 'dpkg',
  'dnssec-keygen': 'bind9-utils',
  'dnssec-signzone': 'bind9-utils',
  fstrm_capture: 'fstrm-bin',
  gcc: 'gcc',
  ip: 'iproute2',
  ip6tables: 'iptables',
  'ip6tables-legacy': 'iptables',
  'ip6tables-nft': 'iptables',
  iptables: 'iptables',
  'iptables-legacy': 'iptables',
  'iptables-nft': 'iptables',
  'musl-gcc': 'musl-tools',
  named: 'bind9',
  nft: 'nftables',
  nsd: 'nsd',
  nsenter: 'util-linux',
  openssl: 'openssl',
  setcap: 'libcap2-bin',
  setpriv: 'util-linux',
  sysctl: 'procps',
  tar: 'tar',
  taskset: 'util-linux',
  tcpdump: 'tcpdump',
  timeout: 'coreutils',
  unbound: 'unbound',
  unshare: 'util-linux',
};

const EXTRA_DIRECTORIES = ['/usr/sbin', '/sbin']; // Daemons live here; the PATH of a plain user lacks it.

/** The full path of a program, or undefined when the host does not have it. */
export function findProgram(name: string): string | undefined {
  const directories = (process.env.PATH ?? '').split(':').concat(EXTRA_DIRECTORIES);
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

/**
 * For the `skip` option of a test: false when all programs are there, else the reason, which names the packages.
 * With CI=true nothing may be skipped, so that it throws.
 */
export function missing(...programs: string[]): string | false {
  const absent = programs.filter((program) => findProgram(program) === undefined);
  if (absent.length === 0) return false;
  const reason = `needs ${absent.map((program) => `${program} (Debian: ${DEBIAN_PACKAGES[program]})`).join(', ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
