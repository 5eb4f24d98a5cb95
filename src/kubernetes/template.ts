/** node-cache's template of a Corefile and its variables; spec: node-cache.md section 3. */
import type { Corefile, Cursor, Token } from '../corefile/cursor.ts';
import { ConfigError, throwConfigErrors } from '../corefile/errors.ts';
import { didYouMean } from '../corefile/suggest.ts';
import type { ClusterDns } from './cluster-dns.ts';
import { type Line, linesOf } from './line.ts';

export const RESOLV_CONF = '/etc/resolv.conf';

const CLUSTER_DNS = '__PILLAR__CLUSTER__DNS__';
const LOCAL_DNS = '__PILLAR__LOCAL__DNS__';
const UPSTREAM_SERVERS = '__PILLAR__UPSTREAM__SERVERS__';
const DNS_SERVER = '__PILLAR__DNS__SERVER__';
const VARIABLES = [CLUSTER_DNS, LOCAL_DNS, UPSTREAM_SERVERS, DNS_SERVER];
const VARIABLE = /__PILLAR__\w*/g;

/** The lines that node-cache knows to ask over TCP; with custom upstreams they are asked over UDP. */
const TCP_BLOCK = [`    forward . ${UPSTREAM_SERVERS} {`, '            force_tcp', '    }'];

export type Fallback = 'cluster' | 'node';

export type Pillars = {
  readonly clusterDns: ClusterDns;
  /** The addresses to serve on, with blanks between; undefined: not given. */
  readonly localDns: string | undefined;
  /** Of the kube-dns ConfigMap; with none `fallback` says who answers what no other block does. */
  readonly upstreamServers: readonly string[];
  readonly fallback: Fallback;
};

export type FilledTemplate = { readonly lines: readonly Line[]; readonly warnings: readonly string[] };

/** Replaces the variables whose values are known, wherever they stand. Lines keep the numbers that they had. */
export function fillTemplate(text: string, file: string, pillars: Pillars): FilledTemplate {
  const { clusterDns, localDns, upstreamServers, fallback } = pillars;
  const cluster = 'address' in clusterDns ? clusterDns.address : CLUSTER_DNS;
  const custom = upstreamServers.join(' ');
  const upstream = custom || (fallback === 'cluster' ? cluster : RESOLV_CONF);
  const written = linesOf(text, file);
  const lines = custom === '' ? written : withoutTcp(written, custom);
  const warnings: string[] = [];
  const remaining = lines.find((line) => line.text.includes(UPSTREAM_SERVERS));
  if (custom !== '' && remaining !== undefined) {
    warnings.push(
      `${placeOf(remaining)}: Did not find TCP upstream block to replace, assuming upstreams already use UDP.`,
    );
  }
  if (fallback === 'cluster' && !text.includes(UPSTREAM_SERVERS)) {
    warnings.push(`${file}:1: -fallback cluster changes nothing: ${UPSTREAM_SERVERS} does not stand in the template`);
  }
  const filled = lines.map(({ text: line, at }) => {
    const replaced = line
      .replaceAll(UPSTREAM_SERVERS, () => upstream)
      .replaceAll(CLUSTER_DNS, () => cluster)
      .replaceAll(LOCAL_DNS, () => localDns ?? LOCAL_DNS)
      .replaceAll(DNS_SERVER, '');
    return { text: replaced, at };
  });
  return { lines: filled, warnings };
}

function withoutTcp(lines: readonly Line[], servers: string): Line[] {
  const kept: Line[] = [];
  for (let i = 0; i < lines.length; i++) {
    // What is replaced begins and ends with a line break.
    const isBlock = i > 0 && TCP_BLOCK.every((text, offset) => lines[i + offset]?.text === text);
    const isWhole = isBlock && i + TCP_BLOCK.length < lines.length;
    kept.push(isWhole ? { text: `    forward . ${servers}`, at: lines[i].at } : lines[i]);
    if (isWhole) i += TCP_BLOCK.length - 1;
  }
  return kept;
}

function placeOf({ at }: Line): string {
  return `${at.file}:${at.line}`;
}

/** Throws ConfigErrors for all variables that still stand in keys and directives; those in comments do no harm. */
export function checkResolved({ blocks }: Corefile, file: string, pillars: Pillars): void {
  const errors = new Map<string, ConfigError>();
  const check = (token: Token) => {
    for (const [variable] of token.text.matchAll(VARIABLE)) {
      const error = new ConfigError(
        token,
        `${variable} is left unresolved: ${reasonOf(variable, token, file, pillars)}`,
      );
      errors.set(error.message, error);
    }
  };
  const checkLine = ({ name, args, body }: Cursor) => {
    for (const token of [name, ...args]) check(token);
    body.forEach(checkLine);
  };
  for (const { keys, directives } of blocks) {
    for (const { token } of keys) check(token);
    directives.forEach(checkLine);
  }
  throwConfigErrors([...errors.values()]);
}

function reasonOf(variable: string, token: Token, template: string, { clusterDns, localDns }: Pillars): string {
  if (!VARIABLES.includes(variable)) {
    const hint = didYouMean(variable, VARIABLES);
    return `nodens does not know it${hint || '; whoever deploys the template must replace it'}`;
  }
  if (token.file !== template) return 'variables are replaced in the template alone, not in files that it imports';
  if (variable === LOCAL_DNS && localDns === undefined) return 'give the addresses with -localip';
  return 'problem' in clusterDns ? clusterDns.problem : 'it has no value';
}
