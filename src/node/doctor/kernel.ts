import { kernelRenews } from '../rules/nftables.ts';
import { type Finding, finding } from './finding.ts';

const CHECK = 'kernel';

export type KernelFacts = {
  /** `6.18.44`. */
  readonly release: string;
  /** Whether there is the driver for links of type dummy; undefined: not known. */
  readonly hasDummy: boolean | undefined;
  /** Why our rules cannot be made with nftables; undefined if they can. */
  readonly nftProblem: string | undefined;
  /** net.ipv4.tcp_migrate_req. */
  readonly migratesRequests: boolean | undefined;
};

/** What the kernel can do for us. */
export function checkKernel({ release, hasDummy, nftProblem, migratesRequests }: KernelFacts): Finding[] {
  const found: Finding[] = [];
  if (hasDummy === false) {
    found.push(finding(CHECK, 'info', `Linux ${release} has no dummy driver: a bridge without ports stands in`));
  }
  if (nftProblem === undefined) {
    found.push(finding(CHECK, 'ok', `Linux ${release} takes the rules of nftables, with timed sets and sockets`));
    if (!kernelRenews(release)) {
      found.push(
        finding(CHECK, 'info', 'before Linux 6.12 a lease is renewed by taking elements away and adding them'),
      );
    }
  } else {
    const advice =
      'install libnftables, or load nft_socket on the host; else rules are made with iptables, without a lease';
    found.push(finding(CHECK, 'warning', `nftables cannot serve: ${nftProblem}`, advice));
  }
  if (migratesRequests === false) {
    const what = 'TCP connections just being made are reset when one of several instances ends';
    found.push(finding(CHECK, 'info', what, 'set net.ipv4.tcp_migrate_req=1'));
  }
  return found;
}

/** From the configuration that the kernel was built with and the modules there are; undefined: neither can be read. */
export function dummyDriver(config: string | undefined, modules: string | undefined): boolean | undefined {
  if (config !== undefined && /^CONFIG_DUMMY=y$/m.test(config)) return true;
  if (modules !== undefined) return /\/dummy\.ko/.test(modules);
  return config === undefined || /^CONFIG_DUMMY=m$/m.test(config) ? undefined : false;
}
