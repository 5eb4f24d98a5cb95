import { durationSeconds } from '../../cache/ttl.ts';
import { RCODE_NOERROR, RCODE_NXDOMAIN } from '../../wire/header.ts';
import type { WireName } from '../../wire/name.ts';
import { TYPE_A } from '../../wire/types.ts';
import type { MessageView } from '../../wire/view.ts';
import type { Handler, Outcome, Query } from '../contract.ts';
import { answerTo, renamedRequest } from './messages.ts';
import { type ClusterNames, completed, type Search, type SearchPath } from './search-path.ts';

const MAX_TTL = 0xffffffff;
/** A denial holds for as long as it says. */
const NO_LIMITS = { minTtl: 0, maxTtl: MAX_TTL };

/**
 * Tries the domains of the search list as the client would, and gives the first answer that is no NXDOMAIN as one to its
 * own question. If there is none, or it is not for us to say, the client gets what its own name has.
 */
export async function walk(query: Query, search: Search, path: SearchPath, next: Handler): Promise<Outcome> {
  const { base, domains, cluster } = search;
  const isCluster = cluster !== undefined;
  const first = await next(query);
  if (!isDenied(first)) return first;
  if (isCluster && (await isNamespace(query, cluster)) !== true) return first;
  let maxTtl = MAX_TTL;
  let denied: MessageView | undefined = first.response;
  for (const domain of domains.slice(1)) {
    const qname = completed(base, domain);
    if (qname === undefined) continue;
    // Who looks for a Service that is just being made must not find what is elsewhere for longer than the denials hold.
    if (isCluster && denied !== undefined) maxTtl = Math.min(maxTtl, denialTtl(denied));
    const outcome = await ask(query, qname, path, isCluster, next);
    if (!isDenied(outcome)) return answered(query, outcome, maxTtl);
    denied = outcome.response;
  }
  return first;
}

/** The next domain is to be tried: the name does not exist, or nobody has said anything, for no reason. */
function isDenied({ response, rcode, error, drop }: Outcome): boolean {
  if (response !== undefined) return response.rcode === RCODE_NXDOMAIN;
  return rcode !== RCODE_NOERROR && error === undefined && drop !== true;
}

function denialTtl(response: MessageView): number {
  return durationSeconds(response, 'nxdomain', NO_LIMITS);
}

/**
 * Names of a search list from a file are asked for down the chain. With that of a cluster the whole server is asked: it may
 * have another block for the name, and what its caches keep is good for all namespaces. Only what would there be completed
 * in turn goes down the chain, too.
 */
async function ask(
  query: Query,
  qname: WireName,
  path: SearchPath,
  isCluster: boolean,
  next: Handler,
): Promise<Outcome> {
  if (isCluster && (await isComplete(query, path(qname)?.cluster))) return query.resolve(qname, query.qtype);
  return next(query.withRequest(renamedRequest(query.request, qname)));
}

async function isComplete(query: Query, names: ClusterNames | undefined): Promise<boolean> {
  return names === undefined || (await isNamespace(query, names)) === false;
}

/**
 * The second name that a resolver tries, `www.example.org.svc.cluster.local.`, reads like `www.example` in the namespace
 * `org`. So the cluster DNS is asked whether there is such a namespace, unless it denies even `svc.cluster.local.`: then it
 * does not know names that merely have others below them (RFC 8020). Undefined: it gives no answer.
 */
async function isNamespace(query: Query, { namespace, services }: ClusterNames): Promise<boolean | undefined> {
  const found = await exists(query, namespace);
  return found === false ? not(await exists(query, services)) : found;
}

async function exists(query: Query, qname: WireName): Promise<boolean | undefined> {
  const { response } = await query.resolve(qname, TYPE_A);
  if (response?.rcode === RCODE_NXDOMAIN) return false;
  return response?.rcode === RCODE_NOERROR ? true : undefined;
}

function not(is: boolean | undefined): boolean | undefined {
  return is === undefined ? undefined : !is;
}

function answered(query: Query, outcome: Outcome, maxTtl: number): Outcome {
  const { response } = outcome;
  if (response === undefined) return outcome;
  return { ...outcome, response: answerTo(query.request, response, maxTtl) };
}
