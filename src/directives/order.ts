import { createRequire } from 'node:module';
import { extname } from 'node:path';
import type { Directive } from './contract.ts';
import { onDemand, type RegisteredDirective } from './register.ts';

const require = createRequire(import.meta.url);

/**
 * The directives that nodens has, in the order in which a query meets them, whatever the order in the Corefile: that of
 * CoreDNS 1.13.2. They are set up in this order too. Each is loaded when a Corefile has it: all together they take 3 MB.
 */
export const DIRECTIVES: readonly RegisteredDirective[] = [
  'metadata',
  'cancel',
  'timeouts',
  'reload',
  'nsid',
  'bufsize',
  'bind',
  'nodecache',
  'debug',
  'trace',
  'ready',
  'health',
  'pprof',
  'prometheus',
  'errors',
  'log',
  'dnstap',
  'local',
  'dns64',
  'acl',
  'any',
  'chaos',
  'loadbalance',
  'cache',
  'rewrite',
  'header',
  'autopath',
  'minimal',
  'template',
  'hosts',
  'loop',
  'forward',
  'whoami',
].map((name) => onDemand(name, () => load(name)));

/** Of the module that has its name. */
function load(name: string): Directive<unknown> {
  const exports: Readonly<Record<string, Directive<unknown>>> = require(
    `./${name}/${name}${extname(import.meta.filename)}`,
  );
  return exports[name];
}

/**
 * All of CoreDNS 1.13.2, in its order, and the one of coredns-nodecache: a name that is here but not above is known, and
 * said not to be had.
 */
export const COREDNS_DIRECTIVES: readonly string[] = [
  'root',
  'metadata',
  'geoip',
  'cancel',
  'tls',
  'quic',
  'timeouts',
  'multisocket',
  'reload',
  'nsid',
  'bufsize',
  'bind',
  'nodecache',
  'debug',
  'trace',
  'ready',
  'health',
  'pprof',
  'prometheus',
  'errors',
  'log',
  'dnstap',
  'local',
  'dns64',
  'acl',
  'any',
  'chaos',
  'loadbalance',
  'tsig',
  'cache',
  'rewrite',
  'header',
  'dnssec',
  'autopath',
  'minimal',
  'template',
  'transfer',
  'hosts',
  'route53',
  'azure',
  'clouddns',
  'k8s_external',
  'kubernetes',
  'file',
  'auto',
  'secondary',
  'etcd',
  'loop',
  'forward',
  'grpc',
  'erratic',
  'whoami',
  'on',
  'sign',
  'view',
  'nomad',
];
