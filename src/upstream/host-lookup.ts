import dns from 'node:dns';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Endpoint, endpointOf, type NamedServer } from './endpoint.ts';

const QUERY_TIMEOUT_MS = 2000;
/** The system's own resolver has time-outs for every server and search domain; nobody waits that long for a start. */
const SYSTEM_TIMEOUT_MS = 5000;

/**
 * The addresses of a host: asked of the resolvers, one after the other until one knows some, or of the system where there
 * are none. Rejects with the reason.
 */
export async function lookUpHost(hostname: string, resolvers: readonly Endpoint[]): Promise<string[]> {
  return resolvers.length === 0 ? lookUpBySystem(hostname) : lookUpBy(resolvers, hostname);
}

/** The endpoint of each address. Over TLS the certificate has to be for the name, unless another one is given. */
export function endpointsOf(server: NamedServer, addresses: readonly string[], tlsServerName?: string): Endpoint[] {
  const { protocol, hostname, port } = server;
  const serverName = protocol === 'tls' ? (server.serverName ?? tlsServerName ?? hostname) : undefined;
  return addresses.map((address) => endpointOf(protocol, address, port, serverName));
}

async function lookUpBySystem(hostname: string): Promise<string[]> {
  const giveUp = new AbortController();
  const tooLong = async (): Promise<never> => {
    await sleep(SYSTEM_TIMEOUT_MS, undefined, { signal: giveUp.signal, ref: false });
    throw new Error(`no answer within ${SYSTEM_TIMEOUT_MS / 1000} s`);
  };
  const lookUp = dns.promises.lookup(hostname, { all: true, hints: dns.ADDRCONFIG, order: 'ipv4first' });
  try {
    const found = await Promise.race([lookUp, tooLong()]);
    return found.map(({ address }) => address);
  } finally {
    giveUp.abort();
  }
}

async function lookUpBy(resolvers: readonly Endpoint[], hostname: string): Promise<string[]> {
  let reason: unknown = new Error('no addresses found');
  for (const { text } of resolvers) {
    const resolver = new dns.promises.Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 1 });
    resolver.setServers([text]);
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length > 0) return addresses;
    for (const answer of answers) if (answer.status === 'rejected') reason = answer.reason;
  }
  throw reason;
}
