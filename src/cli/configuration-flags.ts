import { existsSync } from 'node:fs';
import type { Environment } from '../corefile/environment.ts';
import { clusterDnsOf } from '../kubernetes/cluster-dns.ts';
import type { Fallback } from '../kubernetes/template.ts';
import type { Logger } from '../observe/logger.ts';
import { type CorefileSource, corefileSource } from './corefile-source.ts';
import type { ServerFlags } from './flag-table.ts';
import { FlagError } from './flags.ts';
import type { NodeCorefileSource } from './node-corefile-source.ts';
import { parseAddresses } from './node-flags.ts';

const KUBE_DNS_DIRECTORY = '/etc/kube-dns';
const CLUSTER_DIRECTORY = '/etc/coredns-upstream';
const STDIN = 'stdin';
/** The embedded default is for trying out, without root. */
export const EMBEDDED_PORT = 1053;

/** These make no sense without the template. */
const TEMPLATE_FLAGS = ['basecorefile', 'kubednscm', 'corednscm', 'upstreamsvc', 'fallback'] as const;

export type SourceServices = {
  readonly env: Environment;
  readonly log: Logger;
  /** Counts what was not as it should be in template or ConfigMaps. */
  readonly countFault: () => void;
  /** The Corefile that is made is written to -conf, as a server does. */
  readonly writes: boolean;
};

/** Whether the flags are those of node-cache, which has a template and ConfigMaps, and metrics on a port of its own. */
export function isNodeCache(given: ReadonlySet<string>): boolean {
  return given.has('localip') || TEMPLATE_FLAGS.some((name) => given.has(name));
}

/** Where the flags say that the Corefile comes from. Rejects with a FlagError. */
export async function sourceOfFlags(
  flags: ServerFlags,
  given: ReadonlySet<string>,
  services: SourceServices,
): Promise<CorefileSource | NodeCorefileSource> {
  const conf = given.has('conf') ? flags.conf : flags.corefile;
  const port = flags['dns.port'];
  const plain = corefileSource(conf, port, given.has('dns.port') ? port : EMBEDDED_PORT);
  if (!isNodeCache(given) || conf === STDIN) return plain;
  const { env } = services;
  const template = flags.basecorefile;
  const localDns = given.has('localip') ? parseAddresses(flags.localip).join(' ') : undefined;
  const settings = {
    template,
    file: conf === '' ? template : conf,
    env,
    port,
    localDns,
    clusterDns: clusterDnsOf(env, flags.upstreamsvc),
    fallback: parseFallback(flags.fallback),
  };
  // Who does not have it has no use for the memory that its code takes.
  const { nodeCorefileSource } = await import('./node-corefile-source.ts');
  return nodeCorefileSource(
    {
      ...services,
      settings,
      isTemplateGiven: TEMPLATE_FLAGS.some((name) => given.has(name)),
      conf,
      kubeDnsDirectory: flags.kubednscm || mounted(KUBE_DNS_DIRECTORY),
      clusterDirectory: flags.corednscm || mounted(CLUSTER_DIRECTORY),
    },
    plain,
  );
}

function parseFallback(text: string): Fallback {
  if (text === 'cluster' || text === 'node') return text;
  throw new FlagError(`-fallback must be cluster or node, got "${text}"`);
}

function mounted(directory: string): string | undefined {
  return existsSync(directory) ? directory : undefined;
}
