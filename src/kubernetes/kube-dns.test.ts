import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKubeDns } from './kube-dns.ts';

const stub = (domain: string, line: number, ...servers: string[]) => {
  return { domain, servers, at: { file: '/m/stubDomains', line } };
};
const SERVER_RULE = 'expected an IP address, or one with a port: 192.0.2.1:53';

const cases: {
  name: string;
  stubDomains?: string;
  upstreamNameservers?: string;
  want?: unknown;
  upstreams?: string[];
  error?: string;
}[] = [
  { name: 'nothing' },
  {
    name: 'stub domains in their order, with their lines',
    stubDomains:
      '{\n "corp.example": ["192.0.2.1", "192.0.2.2:5353"],\n "a-b.c": ["2001:db8::1", "[2001:db8::2]:54"]\n}',
    want: [stub('corp.example', 2, '192.0.2.1', '192.0.2.2:5353'), stub('a-b.c', 3, '2001:db8::1', '[2001:db8::2]:54')],
  },
  { name: 'upstreams', upstreamNameservers: '["192.0.2.1", "192.0.2.2:54"]', upstreams: ['192.0.2.1', '192.0.2.2:54'] },
  { name: 'an empty upstream list is none', upstreamNameservers: '[]' },
  {
    name: 'invalid JSON, where V8 says it',
    stubDomains: '{\n "a": ["192.0.2.1"]\n "b": []\n}',
    error: "/m/stubDomains:3: invalid JSON: Expected ',' or '}' after property value",
  },
  {
    name: 'JSON that ends too early',
    stubDomains: '{\n "a": ["192.0.2.1"]\n',
    error: "/m/stubDomains:3: invalid JSON: Expected ',' or '}' after property value",
  },
  {
    name: 'no JSON',
    upstreamNameservers: '',
    error: '/m/upstreamNameservers:1: invalid JSON: Unexpected end of JSON input',
  },
  {
    name: 'a list for an object',
    stubDomains: '["192.0.2.1"]',
    error: '/m/stubDomains:1: stubDomains must be an object such as {"example.org": ["192.0.2.1"]}, got ["192.0.2.1"]',
  },
  {
    name: 'an object for a list',
    upstreamNameservers: '{"corp.example": ["192.0.2.1", "192.0.2.2"]}',
    error:
      '/m/upstreamNameservers:1: upstreamNameservers must be a list such as ["192.0.2.1"], got {"corp.example":["192.0.2.1","192.0.2.2"…',
  },
  {
    name: 'a text for servers',
    stubDomains: '{"corp.example": "192.0.2.1"}',
    error: '/m/stubDomains:1: stub domain "corp.example": expected a list of servers, got "192.0.2.1"',
  },
  {
    name: 'no servers',
    stubDomains: '{\n"corp.example": []}',
    error: '/m/stubDomains:2: stub domain "corp.example" has no servers; name one, or remove the domain',
  },
  ...['Corp.example', 'corp.example.', 'a_b.example', '-a.example', '', '.', `${'a.'.repeat(127)}a`].map((domain) => ({
    name: `the domain "${domain}"`,
    stubDomains: JSON.stringify({ [domain]: ['192.0.2.1'] }),
    error: `/m/stubDomains:1: invalid domain name: "${domain}"; lower-case letters, digits and "-" between dots, without a final dot`,
  })),
  ...['dns.example.org', '192.0.2.1:0', '192.0.2.1:65536', '01.2.3.4', 'tls://192.0.2.1', 'fe80::1%eth0', ''].map(
    (server) => ({
      name: `the server "${server}"`,
      stubDomains: `{"a": [${JSON.stringify(server)}]}`,
      error: `/m/stubDomains:1: stub domain "a": invalid nameserver: "${server}"; ${SERVER_RULE}`,
    }),
  ),
  {
    name: 'four upstreams',
    upstreamNameservers: '["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]',
    error: '/m/upstreamNameservers:1: upstreamNameservers cannot have more than three entries, got 4',
  },
  {
    name: 'faults of both, in order',
    stubDomains: '{"a": [], \n"b": []}',
    upstreamNameservers: '["x"]',
    error:
      '/m/stubDomains:1: stub domain "a" has no servers; name one, or remove the domain\n' +
      '/m/stubDomains:2: stub domain "b" has no servers; name one, or remove the domain\n' +
      `/m/upstreamNameservers:1: upstreamNameservers: invalid nameserver: "x"; ${SERVER_RULE}`,
  },
];
for (const { name, stubDomains, upstreamNameservers, want = [], upstreams = [], error } of cases) {
  test(`parseKubeDns: ${name}`, () => {
    const texts = new Map<string, string>();
    if (stubDomains !== undefined) texts.set('stubDomains', stubDomains);
    if (upstreamNameservers !== undefined) texts.set('upstreamNameservers', upstreamNameservers);
    const run = () => parseKubeDns(texts, '/m');
    if (error === undefined) assert.deepEqual(run(), { stubDomains: want, upstreamServers: upstreams });
    else assert.throws(run, { message: error });
  });
}
