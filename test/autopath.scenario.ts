/** Runs inside a namespace (autopath.test.ts): the C libraries' resolvers as in a pod, with and without `autopath`. */
import { answer, reply } from './peers/behaviours.ts';
import { startCountingRelay } from './peers/counting-relay.ts';
import { buildGetaddrinfo, type Libc } from './peers/getaddrinfo.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { useResolver } from './support/namespace.ts';
import { startNodens } from './support/nodens.ts';

/** By library and name: what was found, and what was asked for that. */
export type LookUps = Readonly<Record<Libc, Record<string, { readonly found: string[]; readonly asked: string[] }>>>;
export type AutopathOutcome = { readonly with: LookUps; readonly without: LookUps; readonly exitCode: number | null };

const NAMES = [
  'www.example.org',
  'four.example.org',
  'alias.example.org',
  'kubernetes',
  'web.other',
  'nowhere.example.org',
];
const SOA = 'example.org 60 SOA ns1.example.org hostmaster.example.org 1 60';
const CLUSTER_SOA = 'cluster.local 30 SOA ns.dns.cluster.local hostmaster.cluster.local 1 30';
const nodata = (authority: string) => reply({ authorities: [authority] });
const nxdomain = (authority: string) => reply({ rcode: 'NXDOMAIN', authorities: [authority] });

const outside = await ScriptedUpstream.start();
outside
  .otherwise(nxdomain(SOA))
  .on('www.example.org', 'A', answer('www.example.org 300 A 192.0.2.80'))
  .on('www.example.org', 'AAAA', answer('www.example.org 300 AAAA 2001:db8::80'))
  .on('four.example.org', 'A', answer('four.example.org 300 A 192.0.2.4'))
  .on('four.example.org', 'AAAA', nodata(SOA))
  .on(
    'alias.example.org',
    'A',
    answer('alias.example.org 300 CNAME www.example.org', 'www.example.org 300 A 192.0.2.80'),
  )
  .on(
    'alias.example.org',
    'AAAA',
    answer('alias.example.org 300 CNAME www.example.org', 'www.example.org 300 AAAA 2001:db8::80'),
  );
const cluster = await ScriptedUpstream.start();
cluster.otherwise(nxdomain(CLUSTER_SOA));
for (const name of ['svc', 'default.svc', 'other.svc'])
  cluster.on(`${name}.cluster.local`, undefined, nodata(CLUSTER_SOA));
for (const [service, address] of [
  ['kubernetes.default', '10.96.0.1'],
  ['web.other', '10.96.0.2'],
]) {
  const qname = `${service}.svc.cluster.local`;
  cluster.on(qname, 'A', answer(`${qname} 30 A ${address}`)).on(qname, 'AAAA', nodata(CLUSTER_SOA));
}

const blocks = (port: string, autopath: string) => `
cluster.local:${port} {
    bind 127.0.0.1
    cache 30
    ${autopath}
    forward . ${cluster.endpoint}
}
.:${port} {
    bind 127.0.0.1
    cache 30
    forward . ${outside.endpoint}
}`;
const nodens = await startNodens({ corefile: `${blocks('{PORT}', 'autopath @query')}\n${blocks('{PORT2}', '')}\n` });
const relay = await startCountingRelay({ address: '127.0.0.1', port: 53 });
const domains = 'default.svc.cluster.local svc.cluster.local cluster.local';
await useResolver('127.0.0.1', `search ${domains}`, 'options ndots:5');
const programs = { glibc: await buildGetaddrinfo('glibc'), musl: await buildGetaddrinfo('musl') };

/** Looks all names up, one at a time, at that port of nodens. */
async function lookUps(port: number): Promise<LookUps> {
  relay.to({ address: nodens.address, port });
  const found: LookUps = { glibc: {}, musl: {} };
  for (const libc of ['glibc', 'musl'] as const) {
    for (const name of NAMES) {
      const addresses = (await programs[libc](name))[name];
      // Others are of the name before, asked again because the machine was busy.
      const asked = relay.take().filter((question) => question.startsWith(name));
      found[libc][name] = { found: addresses.toSorted(), asked: asked.toSorted() };
    }
  }
  return found;
}

const withAutopath = await lookUps(nodens.ports.PORT);
const without = await lookUps(nodens.ports.PORT2);
const { code: exitCode } = await nodens.stop();
const outcome: AutopathOutcome = { with: withAutopath, without, exitCode };
console.log(JSON.stringify(outcome));
await outside.stop();
await cluster.stop();
