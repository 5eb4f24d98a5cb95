import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { ADVICE } from './advice.ts';
import type { Directive } from './contract.ts';
import { onDemand, type RegisteredDirective } from './register.ts';

const require = createRequire(import.meta.url);

/** All of CoreDNS 1.13.2, in the order in which a query meets them, and the one of coredns-nodecache. */
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

/**
 * Those that nodens has, in that order, whatever the order in the Corefile; they are set up in it, too. Each is loaded when
 * a Corefile has it: all together they take 3 MB.
 */
export const DIRECTIVES: readonly RegisteredDirective[] = COREDNS_DIRECTIVES.filter((name) => !ADVICE.has(name)).map(
  (name) => onDemand(name, () => load(name)),
);

/** Of the module that has its name. */
function load(name: string): Directive<unknown> {
  const exports: Readonly<Record<string, Directive<unknown>>> = require(
    `./${name}/${name}${extname(import.meta.filename)}`,
  );
  return exports[name];
}
