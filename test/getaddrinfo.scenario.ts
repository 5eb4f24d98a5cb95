/** Runs inside a namespace (getaddrinfo.test.ts): nodens on port 53, and the C libraries' resolvers as its clients. */
import { answer, reply } from './peers/behaviours.ts';
import { buildGetaddrinfo } from './peers/getaddrinfo.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { useResolver } from './support/namespace.ts';
import { startNodens } from './support/nodens.ts';

/** By library and name, the addresses or the error. */
type LookUps = Readonly<Record<'glibc' | 'musl', Readonly<Record<string, string[]>>>>;

export type GetaddrinfoOutcome = {
  readonly first: LookUps;
  readonly again: LookUps;
  readonly queriesForWww: number;
  readonly exitCode: number | null;
};

const SOA = 'example.org 60 SOA ns1.example.org hostmaster.example.org 1 60';
const nodata = reply({ authorities: [SOA] });
const addresses = Array.from({ length: 40 }, (_, i) => `192.0.2.${i + 1}`);

const upstream = await ScriptedUpstream.start();
upstream
  .otherwise(reply({ rcode: 'NXDOMAIN', authorities: [SOA] }))
  .on('www.example.org', 'A', answer('www.example.org 300 A 192.0.2.80'))
  .on('www.example.org', 'AAAA', answer('www.example.org 300 AAAA 2001:db8::80'))
  .on('alias.example.org', 'A', answer('alias.example.org 300 CNAME v4.example.org', 'v4.example.org 300 A 192.0.2.4'))
  .on(
    'alias.example.org',
    'AAAA',
    reply({ answers: ['alias.example.org 300 CNAME v4.example.org'], authorities: [SOA] }),
  )
  .on('many.example.org', 'A', answer(...addresses.map((address) => `many.example.org 300 A ${address}`)))
  .on('many.example.org', 'AAAA', nodata);

const nodens = await startNodens({
  ports: { PORT: 53 },
  corefile: `.:53 {
    bind 127.0.0.1
    errors
    cache 30
    forward . ${upstream.endpoint} {
      prefer_udp
    }
  }`,
});
await useResolver('127.0.0.1', 'search example.org', 'options ndots:2');

const NAMES = ['www.example.org', 'www', 'alias.example.org', 'many.example.org', 'nowhere.example.org'];
const glibc = await buildGetaddrinfo('glibc');
const musl = await buildGetaddrinfo('musl');
const first = { glibc: await glibc(...NAMES), musl: await musl(...NAMES) };
const again = { glibc: await glibc(...NAMES), musl: await musl(...NAMES) };

const { code: exitCode } = await nodens.stop();
const outcome: GetaddrinfoOutcome = { first, again, queriesForWww: upstream.queries('www.example.org'), exitCode };
console.log(JSON.stringify(outcome));
await upstream.stop();
