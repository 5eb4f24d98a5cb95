import { readFileSync } from 'node:fs';
import { messageOf, systemReason } from '../corefile/errors.ts';
import { fingerprint } from '../corefile/fingerprint.ts';
import { namesTried, type PodResolver, podResolver } from '../kubernetes/pod-resolver.ts';
import { readResolver } from '../node/doctor/resolver.ts';
import { silentLogger } from '../observe/logger.ts';
import { type ExplainedName, explainName } from '../server/explain/explain.ts';
import { openUpstreams } from '../server/explain/reached.ts';
import { nameLines, outcomeLine } from '../server/explain/text.ts';
import { lowerText, nameFromText, nameToText } from '../wire/name.ts';
import { typeFromName, typeName } from '../wire/types.ts';
import { EXIT_FAULT, fail, print, readFlagsAndWords } from './command.ts';
import { askInstance, controlPath, type Instance } from './control.ts';
import { EXPLAIN_FLAGS } from './flag-table.ts';
import type { FlagValues } from './flags.ts';
import { type Inspected, inspectFlags } from './inspected.ts';

const HOST_RESOLVER = '/etc/resolv.conf';

type Flags = FlagValues<typeof EXPLAIN_FLAGS>;
type Question = { readonly name: string; readonly qtype: number };
/** What is known of a running instance, or why nothing is; undefined: there is none to ask. */
type Asking = Instance | { readonly problem: string } | undefined;

/**
 * `nodens explain NAME [TYPE]`: which names a pod tries for it, and for each the block, directives and upstreams that it
 * meets with this configuration, what a running instance has in its cache, and what the upstreams say.
 */
export async function explain(argv: readonly string[]): Promise<void> {
  const { values: flags, given, words } = readFlagsAndWords('nodens explain NAME [TYPE]', argv, EXPLAIN_FLAGS);
  const { name, qtype } = questionOf(words);
  const resolver = resolverOf(flags);
  const inspected = await inspectFlags(flags, given).catch((error) => fail(messageOf(error), EXIT_FAULT));
  for (const line of [...inspected.corefile.warnings, ...inspected.faults]) process.stderr.write(`${line}\n`);
  const qnames = namesTried(name, resolver).map((qname) => lowerText(canonical(qname)));
  const instance = await findInstance(flags, { qnames, qtype });
  const names = await explainAll(inspected, instance, { qnames, qtype, asks: flags.ask });
  if (flags.json) return print([JSON.stringify({ name, type: typeName(qtype), ...resolver, names }, undefined, 2)]);
  const outcome = outcomeLine(names);
  const paragraphs = [
    [headline(name, resolver, names.length), ...instanceLines(instance, inspected)],
    ...names.map((explained, index) => nameLines(explained, index, names.slice(0, index), typeName(qtype))),
    ...(outcome === undefined ? [] : [[outcome]]),
  ];
  print(paragraphs.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines])));
}

function questionOf([name, type = 'A', ...rest]: readonly string[]): Question {
  if (name === undefined) return fail('explain what? nodens explain NAME [TYPE]', EXIT_FAULT);
  if (rest.length > 0) return fail(`extra command line arguments: [${rest.join(' ')}]`, EXIT_FAULT);
  if (nameFromText(name) === undefined) return fail(`not a domain name: "${name}"`, EXIT_FAULT);
  return { name, qtype: typeFromName(type) ?? fail(`not a type of records: "${type}"`, EXIT_FAULT) };
}

function canonical(name: string): string {
  const wire = nameFromText(name);
  return wire === undefined ? name : nameToText(wire, 0);
}

function resolverOf({ resolvconf, from, 'cluster-domain': clusterDomain }: Flags): PodResolver {
  if (resolvconf !== '') return readResolver(readText(resolvconf));
  try {
    return podResolver(from, clusterDomain, readResolver(readFileSync(HOST_RESOLVER, 'utf8')).search);
  } catch {
    return podResolver(from, clusterDomain, []);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return fail(`cannot read "${path}": ${systemReason(error)}`, EXIT_FAULT);
  }
}

type Questions = { readonly qnames: readonly string[]; readonly qtype: number };

async function findInstance(flags: Flags, { qnames, qtype }: Questions): Promise<Asking> {
  const path = controlPath(flags);
  if (path === undefined) return undefined;
  const questions = qnames.map((qname) => ({ qname, qtype }));
  return askInstance(path, questions).catch((error) => ({ problem: `${path}: ${messageOf(error)}` }));
}

async function explainAll(
  inspected: Inspected,
  instance: Asking,
  { qnames, qtype, asks }: Questions & { readonly asks: boolean },
): Promise<ExplainedName[]> {
  const upstreams = openUpstreams(silentLogger());
  const cached = instance !== undefined && 'cached' in instance ? instance.cached : [];
  try {
    const names: ExplainedName[] = [];
    for (const [index, qname] of qnames.entries()) {
      names.push({ ...(await explainName(inspected, upstreams, { qname, qtype, asks })), cached: cached[index] });
    }
    return names;
  } catch (error) {
    return fail(messageOf(error), EXIT_FAULT);
  } finally {
    upstreams.close();
  }
}

function headline(name: string, { search, ndots }: PodResolver, count: number): string {
  const names = count === 1 ? 'one name' : `${count} names, one after the other until one has an answer`;
  return `${name}: a pod tries ${names} (ndots:${ndots}, search ${search.join(' ') || 'nothing'})`;
}

function instanceLines(instance: Asking, { corefile }: Inspected): string[] {
  if (instance === undefined) return [];
  if ('problem' in instance) return [`no running instance can be asked: ${instance.problem}`];
  const isSame = instance.fingerprint === fingerprint(corefile);
  const served = isSame
    ? 'serves this configuration'
    : 'serves ANOTHER configuration than the one that is explained here';
  return [`the running instance, process ${instance.pid}, ${served}`];
}
