/** An explanation for people. */
import type { CachedAnswer } from '../cached.ts';
import type { ExplainedLine, ExplainedName, ExplainedWay } from './explain.ts';
import type { Asked } from './reached.ts';

const INDENT = '   ';

/** The lines that tell of one name, the `index`th of those that are tried; ways that are those of an earlier one are not told again. */
export function nameLines(
  name: ExplainedName,
  index: number,
  earlier: readonly ExplainedName[],
  type: string,
): string[] {
  const { qname, ways, cached } = name;
  const same = earlier.findIndex((other) => wayKey(other) === wayKey(name));
  const told = same === -1 ? ways.flatMap(wayLines) : [`the same way as ${same + 1}`];
  const asked = ways.flatMap(({ lines }) => lines.flatMap((line) => line.asked ?? []));
  return [
    `${index + 1}. ${qname} ${type}`,
    ...[...told, ...(cached === undefined ? [] : cachedLines(cached)), ...asked.flatMap(askedLines)].map(indented),
  ];
}

/** Where a pod stops, as far as the upstreams have been asked. */
export function outcomeLine(names: readonly ExplainedName[]): string | undefined {
  const asked = names.map(({ ways }) => ways.flatMap(({ lines }) => lines.flatMap((line) => line.asked ?? [])));
  if (asked.every((answers) => answers.length === 0)) return undefined;
  const stop = asked.findIndex((answers) => answers.some(({ answers: records = [] }) => records.length > 0));
  if (stop === -1) return 'none of them has an answer';
  const queries = stop === 0 ? 'the first query' : `${stop + 1} queries`;
  return `a pod takes the answer for ${names[stop]?.qname}, after ${queries}`;
}

function wayLines({ servers, zone, at, lines }: ExplainedWay): string[] {
  const place = servers.join(' ');
  if (zone === undefined) return [`${place}: no server block is for it: REFUSED`];
  const block = `${place}: block of ${zone} (${at})`;
  if (lines.length === 0) return [`${block}: none of its directives answers: REFUSED`];
  return [block, ...lines.flatMap(lineLines).map(indented)];
}

function lineLines({ text, at, upstreams = [] }: ExplainedLine): string[] {
  return [`${text} (${at})`, ...upstreams.map(({ upstream, over }) => indented(`asks ${upstream} over ${over}`))];
}

function cachedLines(cached: readonly CachedAnswer[]): string[] {
  if (cached.length === 0) return ['in the cache: nothing'];
  return cached.flatMap((entry) => {
    const { servers, rcode, answers, remainingS, ageS } = entry;
    const left = remainingS > 0 ? `for ${remainingS} s more` : `stale since ${-remainingS} s`;
    return [
      `in the cache of ${servers.join(' ')}: ${rcode}${bitsText(entry)}, ${left}, stored ${ageS} s ago`,
      ...answers.map(indented),
    ];
  });
}

function bitsText({ dnssecOk, checkingDisabled }: CachedAnswer): string {
  const bits = [...(dnssecOk ? ['DO'] : []), ...(checkingDisabled ? ['CD'] : [])];
  return bits.length === 0 ? '' : ` for queries with ${bits.join(' and ')}`;
}

function askedLines({ upstream, over, tookMs, rcode, answers = [], error }: Asked): string[] {
  const came = rcode === undefined ? `no answer: ${error}` : answers.length === 0 ? `${rcode}, no records` : rcode;
  return [`asked ${upstream} over ${over}, ${tookMs.toFixed(1)} ms: ${came}`, ...answers.map(indented)];
}

/** What is told of the ways of a name, but for what came back. */
function wayKey({ ways }: ExplainedName): string {
  return ways.flatMap(wayLines).join('\n');
}

function indented(line: string): string {
  return INDENT + line;
}
