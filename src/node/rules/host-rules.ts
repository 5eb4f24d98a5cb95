/** What the firewalls of the host say, read and not changed. */
import { readFileSync } from 'node:fs';
import type { Nft } from '../../sys/libnftables.ts';
import type { RunProgram } from './program.ts';

/** Lists the tables of iptables-legacy that exist: to ask iptables-legacy itself for one would make it. */
const LEGACY_TABLES = { 4: '/proc/net/ip_tables_names', 6: '/proc/net/ip6_tables_names' } as const;

export type Family = 4 | 6;
export type Flavour = 'nft' | 'legacy';

/** A chain through which every packet to the host goes, and by which ours would be dropped. */
export type Blocker = {
  /** `filter INPUT of iptables (nft)`, `inet firewalld filter_INPUT`. */
  readonly chain: string;
  readonly reason: 'policy' | 'rule';
  /** A rule of iptables can let our packets through there; otherwise only whoever made the chain can. */
  readonly isIptables: boolean;
};

export type HostRules = {
  readonly family: Family;
  /** Tables that iptables-legacy has; undefined: only root may know. */
  readonly legacyTables: readonly string[] | undefined;
  /** Which iptables most rules of the host are made with; undefined: it has none. */
  readonly flavour: Flavour | undefined;
  readonly blockers: readonly Blocker[];
};

type Json = { readonly [key: string]: unknown };

/** What nft lists: tables, chains and rules, each an object with one key that says what it is. */
export type Ruleset = readonly Json[];

/** What the rules of one family say. */
export async function readHostRules(objects: Ruleset, run: RunProgram, family: Family): Promise<HostRules> {
  const legacyTables = readLegacyTables(family);
  const save = legacyTables?.length ? await legacySave(run, family) : '';
  const legacyCount = ruleCount(save);
  const nftCount = iptablesNftCount(objects, family);
  const flavour = legacyCount === 0 && nftCount === 0 ? undefined : legacyCount > nftCount ? 'legacy' : 'nft';
  return { family, legacyTables, flavour, blockers: [...nftBlockers(objects, family), ...legacyBlockers(save)] };
}

/** The tables in which rules of iptables may stand. To ask iptables-legacy for another one would make it. */
export function tablesInUse({ flavour, legacyTables = [] }: HostRules): readonly string[] {
  if (flavour === undefined) return [];
  return flavour === 'legacy' ? legacyTables : IPTABLES_TABLES;
}

export function readRuleset(nft: Nft): Ruleset {
  const { ok, output } = nft.json('list ruleset');
  if (!ok) return [];
  const { nftables } = JSON.parse(output) as { nftables?: unknown };
  return Array.isArray(nftables) ? nftables : [];
}

/** The tables of nftables, each with its family: `ip kube-proxy`. */
export function nftTables(objects: readonly Json[]): string[] {
  return objects.map((object) => partOf(object, 'table')).map(({ family, name }) => `${family} ${name}`);
}

/** The chains that iptables has for IPv4, of either flavour. */
export async function iptablesChains(objects: readonly Json[], run: RunProgram): Promise<string[]> {
  const chains = objects.map((object) => partOf(object, 'chain'));
  const ofNft = chains.filter(({ family, table }) => family === 'ip' && IPTABLES_TABLES.includes(String(table)));
  const save = readLegacyTables(4)?.length ? await legacySave(run, 4) : '';
  const ofLegacy = [...save.matchAll(/^:(\S+)/gm)].map(([, name]) => name);
  return [...ofNft.map(({ name }) => String(name)), ...ofLegacy];
}

function readLegacyTables(family: Family): string[] | undefined {
  try {
    return readFileSync(LEGACY_TABLES[family], 'utf8').split('\n').filter(Boolean);
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isAbsent ? [] : undefined;
  }
}

async function legacySave(run: RunProgram, family: Family): Promise<string> {
  return (await run(family === 4 ? 'iptables-legacy-save' : 'ip6tables-legacy-save', [])).stdout;
}

function ruleCount(save: string): number {
  return save.split('\n').filter((line) => line.startsWith('-A ')).length;
}

const IPTABLES_TABLES = ['raw', 'mangle', 'nat', 'filter', 'security'];
const nftFamily = (family: Family) => (family === 4 ? 'ip' : 'ip6');

/** Rules in the tables and chains that iptables-nft makes; kube-proxy's own nftables mode has tables of another name. */
export function iptablesNftCount(objects: readonly Json[], family: Family): number {
  return objects.filter((object) => {
    const { family: of, table } = partOf(object, 'rule');
    return of === nftFamily(family) && IPTABLES_TABLES.includes(String(table));
  }).length;
}

/** Base chains of hook input that drop what no rule has accepted. */
export function nftBlockers(objects: readonly Json[], family: Family): Blocker[] {
  const chains = objects.map((object) => partOf(object, 'chain')).filter(({ hook }) => hook === 'input');
  return chains.flatMap((chain): Blocker[] => {
    const isIptables = chain.family === nftFamily(family) && chain.table === 'filter' && chain.name === 'INPUT';
    if (chain.family !== 'inet' && chain.family !== nftFamily(family)) return [];
    const name = isIptables ? 'filter INPUT of iptables (nft)' : `${chain.family} ${chain.table} ${chain.name}`;
    if (chain.policy === 'drop') return [{ chain: name, reason: 'policy', isIptables }];
    return endsInDrop(objects, chain) ? [{ chain: name, reason: 'rule', isIptables }] : [];
  });
}

/** Whether the last rule of the chain drops or rejects whatever has come so far. */
function endsInDrop(objects: readonly Json[], chain: Json): boolean {
  const rules = objects.map((object) => partOf(object, 'rule'));
  const last = rules.filter(({ family, table, chain: name }) => {
    return family === chain.family && table === chain.table && name === chain.name;
  });
  const expressions = last.at(-1)?.expr;
  if (!Array.isArray(expressions)) return false;
  return (
    expressions.every((expression: Json) => {
      const { xt } = expression;
      const isTarget = typeof xt === 'object' && xt !== null && 'name' in xt && xt.name === 'REJECT';
      return (
        'drop' in expression || 'reject' in expression || 'counter' in expression || 'log' in expression || isTarget
      );
    }) && expressions.some((expression: Json) => !('counter' in expression) && !('log' in expression))
  );
}

export function legacyBlockers(save: string): Blocker[] {
  const filter = /^\*filter\n(.*?)^COMMIT/ms.exec(save)?.[1] ?? '';
  const chain = 'filter INPUT of iptables (legacy)';
  if (/^:INPUT DROP/m.test(filter)) return [{ chain, reason: 'policy', isIptables: true }];
  const last =
    filter
      .split('\n')
      .filter((line) => line.startsWith('-A INPUT '))
      .at(-1) ?? '';
  const drops = /^-A INPUT (-m comment --comment \S+ )?-j (DROP|REJECT)\b/.test(last);
  return drops ? [{ chain, reason: 'rule', isIptables: true }] : [];
}

function partOf(object: Json, name: 'rule' | 'chain' | 'table'): Json {
  const part = object[name];
  return typeof part === 'object' && part !== null ? (part as Json) : {};
}
