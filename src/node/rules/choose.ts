import { isIPv4 } from 'node:net';
import { messageOf } from '../../corefile/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import { type Nft, openNft } from '../../sys/libnftables.ts';
import type { Poller } from '../../sys/poller.ts';
import { addressesOf, type Plan } from '../plan.ts';
import { SetupError } from '../setup-error.ts';
import {
  type Blocker,
  type Family,
  type Flavour,
  type HostRules,
  type Ruleset,
  readHostRules,
  readRuleset,
  tablesInUse,
} from './host-rules.ts';
import { iptablesRules, type Programs, removeForeign } from './iptables.ts';
import { nftablesRules } from './nftables.ts';
import { watchTable } from './nftables-events.ts';
import { layout, TABLE_NAME } from './nftables-ruleset.ts';
import { noRules } from './none.ts';
import { type RunProgram, runProgram } from './program.ts';
import type { Rules } from './rules.ts';

export type RulesServices = { readonly poller: Poller; readonly log: Logger; readonly run?: RunProgram };

/** What is to be known of a host for the choice. */
export type HostFacts = {
  /** Why nftables cannot serve; undefined if it can. */
  readonly nftProblem: string | undefined;
  readonly rules: readonly HostRules[];
  /** The iptables to use; undefined where none can be run. */
  readonly programs: Programs | undefined;
};
export type Choice = { readonly backend: 'nftables' | 'iptables'; readonly reason: string };

/** The backend that the plan wants, or that suits the host. Rejects with a SetupError where there is none. */
export async function chooseRules(plan: Plan, { poller, log, run = runProgram }: RulesServices): Promise<Rules> {
  if (plan.backend === 'none') return noRules();
  const nft = tryNft();
  const facts = await readFacts(addressesOf(plan), nft, run);
  const { backend, reason } = plan.backend === 'auto' ? decide(facts) : demanded(plan.backend, facts);
  const lease = leaseText(plan, backend);
  log.info(`nodecache: backend ${backend}: ${reason}; ${lease}`);
  for (const blocker of facts.rules.flatMap(({ blockers }) => blockers)) warnOf(blocker, backend, log);
  const { programs } = facts;
  if (backend === 'iptables' && programs !== undefined) return iptablesRules({ run, programs, log });
  if (typeof nft === 'string') throw new SetupError('iptables', nft);
  // Rules that node-cache has left behind would keep packets from kube-proxy although nobody listens any more.
  if (programs !== undefined)
    await removeForeign(run, programs, plan.endpoints, (family) => tablesToClean(facts, family));
  return nftablesRules({ nft, watchTable: (changed) => watchTable(poller, TABLE_NAME, changed) });
}

/** Those that the programs chosen for the host can look into without making them. */
function tablesToClean({ rules }: HostFacts, family: Family): readonly string[] {
  const found = rules.find((ofFamily) => ofFamily.family === family);
  return found?.flavour === chosenFlavour(rules) && found !== undefined ? tablesInUse(found) : [];
}

function chosenFlavour(rules: readonly HostRules[]): Flavour | undefined {
  return rules.find(({ flavour }) => flavour !== undefined)?.flavour;
}

/** nftables, unless the host's firewall drops what only a rule of iptables can let through. */
export function decide({ nftProblem, rules, programs }: HostFacts): Choice {
  const blocker = rules.flatMap(({ blockers }) => blockers).find(({ isIptables }) => isIptables);
  if (blocker !== undefined && programs !== undefined) {
    return { backend: 'iptables', reason: `${blockerText(blocker)}, which only a rule of iptables can overrule` };
  }
  if (nftProblem === undefined) return { backend: 'nftables', reason: 'nothing on this host drops our traffic' };
  if (programs !== undefined) return { backend: 'iptables', reason: nftProblem };
  const advice = 'install libnftables or iptables, or choose the backend none';
  throw new SetupError('iptables', `no rules can be made: ${nftProblem}, and no iptables can be run: ${advice}`);
}

function demanded(backend: 'nftables' | 'iptables', { nftProblem, programs }: HostFacts): Choice {
  if (backend === 'nftables' && nftProblem !== undefined) throw new SetupError('iptables', `nftables: ${nftProblem}`);
  if (backend === 'iptables' && programs === undefined) {
    throw new SetupError('iptables', 'no iptables can be run: install it, or choose the backend nftables');
  }
  return { backend, reason: 'as the configuration says' };
}

/** Looks at the host for rules in the families of these addresses; of none, in that of IPv4. */
export async function readFacts(
  addresses: readonly string[],
  nft: Nft | string,
  run: RunProgram = runProgram,
): Promise<HostFacts & { readonly ruleset: Ruleset }> {
  const used = [...new Set(addresses.map((address): Family => (isIPv4(address) ? 4 : 6)))];
  const families = used.length === 0 ? [4 as const] : used;
  // Once for both families: beside a large kube-proxy the list is long.
  const ruleset = typeof nft === 'string' ? [] : readRuleset(nft);
  const rules = await Promise.all(families.map((family) => readHostRules(ruleset, run, family)));
  return {
    ruleset,
    nftProblem: typeof nft === 'string' ? nft : dryRun(nft),
    rules,
    programs: await findPrograms(run, families, rules),
  };
}

/** The library, or why it is not to be had. */
export function tryNft(): Nft | string {
  try {
    return openNft();
  } catch (error) {
    return messageOf(error);
  }
}

/** Has the kernel check all that we ask of it, without doing it. */
function dryRun(nft: Nft): string | undefined {
  const { ok, error } = nft.check(layout());
  return ok ? undefined : (error.split('\n')[0] ?? 'the kernel refuses our rules');
}

/** The flavour by which the host makes its rules; without any, what the host calls iptables. */
async function findPrograms(
  run: RunProgram,
  families: readonly Family[],
  rules: readonly HostRules[],
): Promise<Programs | undefined> {
  const flavour = chosenFlavour(rules);
  const candidates = [...(flavour === undefined ? [] : [`-${flavour}`]), ''];
  for (const suffix of candidates) {
    const programs = { 4: `iptables${suffix}`, 6: `ip6tables${suffix}` };
    const versions = await Promise.all(families.map((family) => run(programs[family], ['--version'])));
    if (versions.every(({ code }) => code === 0)) return programs;
  }
  return undefined;
}

function leaseText({ leaseS }: Plan, backend: Choice['backend']): string {
  if (leaseS === undefined) return 'no lease';
  return backend === 'nftables' ? `a lease of ${leaseS} s` : 'no lease, as rules of iptables do not run out';
}

function warnOf(blocker: Blocker, backend: Choice['backend'], log: Logger): void {
  if (blocker.isIptables && backend === 'iptables') return;
  log.warning(`nodecache: ${blockerText(blocker)}: let UDP and TCP to the node-local addresses through there`);
}

export function blockerText({ chain, reason }: Blocker): string {
  return `chain ${chain} ${reason === 'policy' ? 'has policy DROP' : 'ends in a rule that drops'}`;
}
