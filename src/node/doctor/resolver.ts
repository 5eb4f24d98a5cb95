import { type Finding, finding } from './finding.ts';

const CHECK = 'resolv.conf';
/** resolv.conf(5). */
const DEFAULT_NDOTS = 1;
const MAX_NDOTS = 15;
/** A name of the outside world, as it is usually written. */
const EXAMPLE = 'www.example.org';
const EXAMPLE_DOTS = 2;
/** A and AAAA. */
const TYPES = 2;
const MANY_QUERIES = 6;

export type ResolverFacts = { readonly file: string; readonly text: string | undefined };

/** What a look-up costs with the search list and ndots of this file. */
export function checkResolver({ file, text }: ResolverFacts): Finding[] {
  if (text === undefined) return [finding(CHECK, 'info', `${file} cannot be read`)];
  const { nameservers, search, ndots } = readResolver(text);
  const tried = EXAMPLE_DOTS >= ndots ? 1 : search.length + 1;
  const queries = tried * TYPES;
  const servers = nameservers.length === 0 ? 'no nameserver' : `nameserver ${nameservers.join(', ')}`;
  const list = search.length === 0 ? 'no search list' : `${search.length} search domains`;
  const what = `${file}: ${servers}; ndots:${ndots} and ${list}: a look-up of ${EXAMPLE} takes ${queries} queries`;
  const advice = `write such names with a final dot, or set ndots to ${EXAMPLE_DOTS} in the pods' dnsConfig`;
  const level = queries >= MANY_QUERIES ? 'warning' : 'ok';
  const found = [finding(CHECK, level, what, level === 'ok' ? '' : advice)];
  if (nameservers.length === 0) found.push(finding(CHECK, 'warning', `${file} names no nameserver`, 'add one'));
  return found;
}

export function readResolver(text: string): { nameservers: string[]; search: string[]; ndots: number } {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const ofWord = (word: string) => lines.filter(([first]) => first === word).map((line) => line.slice(1));
  const options = ofWord('options').flat();
  const ndots = options.flatMap((option) => /^ndots:(\d+)$/.exec(option)?.[1] ?? []).at(-1);
  return {
    nameservers: ofWord('nameserver').flatMap(([address]) => address ?? []),
    search: ofWord('search').at(-1) ?? ofWord('domain').at(-1) ?? [],
    ndots: Math.min(Number(ndots ?? DEFAULT_NDOTS), MAX_NDOTS),
  };
}
