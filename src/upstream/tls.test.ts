import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { endpointOf } from './endpoint.ts';
import { answersOf, ask, replyTo, samplesOf, streamServer, testServices, testUpstream, until } from './testing.ts';
import { createTlsContext } from './tls-context.ts';

const fixture = (name: string) => join(import.meta.dirname, 'testdata', name);
const ca = fixture('ca.pem');
const serverOptions: tls.TlsOptions = {
  key: readFileSync(fixture('server-key.pem')),
  cert: readFileSync(fixture('server.pem')),
};
const endpoint = (port: number, serverName?: string) => endpointOf('tls', '127.0.0.1', port, serverName);

/** The certificate is for dns.example.org and 127.0.0.1. */
const verifications: { name: string; serverName?: string; tlsServerName?: string; ca?: string; error?: RegExp }[] = [
  { name: 'the address, where there is no name', ca },
  { name: 'the name of tls_servername', tlsServerName: 'dns.example.org', ca },
  { name: 'the name of the TO', serverName: 'dns.example.org', ca },
  { name: 'a name that the certificate has not', tlsServerName: 'other.example.org', ca, error: /other\.example\.org/ },
  { name: 'an authority that the system does not trust', error: /certificate/ },
];
for (const { name, serverName, tlsServerName, ca, error } of verifications) {
  test(`what is verified: ${name}`, async (t) => {
    const server = await streamServer(t, ({ query, send }) => send(replyTo(query)), { tls: serverOptions });
    const upstream = testUpstream(t, server.port, {
      endpoint: endpoint(server.port, serverName),
      tlsContext: createTlsContext({ ca }),
      tlsServerName,
    });
    const result = answersOf(await ask(upstream));
    if (error === undefined) assert.deepEqual(result, ['192.0.2.80']);
    else assert.match(String(result), error);
    if (error !== undefined) assert.match(String(result), /^dial tcp 127\.0\.0\.1:\d+: tls: /);
  });
}

test('queries are pipelined on one connection, also those of clients over UDP', async (t) => {
  const services = testServices(t);
  const server = await streamServer(t, ({ query, send }) => send(replyTo(query)), { tls: serverOptions });
  const options = { endpoint: endpoint(server.port), tlsContext: createTlsContext({ ca }) };
  const upstream = testUpstream(t, server.port, options, services);
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask(upstream, { protocol: i % 2 === 0 ? 'udp' : 'tcp' })),
  );
  assert.deepEqual(results.map(answersOf), Array(20).fill(['192.0.2.80']));
  assert.equal(server.accepted, 1);
  assert.deepEqual(await samplesOf(services.metrics, 'coredns_proxy_conn_cache_misses_total'), [
    `{proto="tcp-tls",proxy_name="forward",to="127.0.0.1:${server.port}"} 20`,
  ]);
});

test('a session is resumed by the next connection', async (t) => {
  const resumed: boolean[] = [];
  const server = await streamServer(t, ({ query, send }) => send(replyTo(query)), {
    tls: serverOptions,
    onConnection: (socket) => resumed.push(socket instanceof tls.TLSSocket && socket.isSessionReused()),
  });
  const options = { endpoint: endpoint(server.port), tlsContext: createTlsContext({ ca }), idleMs: 20 };
  const upstream = testUpstream(t, server.port, options);
  await ask(upstream);
  await until(() => upstream.openCount === 0, 'the first connection to be closed');
  await ask(upstream);
  assert.deepEqual(resumed, [false, true]);
});

const clients = [
  {
    name: 'with a certificate',
    certificate: fixture('client.pem'),
    key: fixture('client-key.pem'),
    want: ['192.0.2.80'],
  },
  { name: 'without one', want: /^(read|dial) tcp / },
];
for (const { name, certificate, key, want } of clients) {
  test(`a server that asks for a certificate: ${name}`, async (t) => {
    const server = await streamServer(t, ({ query, send }) => send(replyTo(query)), {
      tls: { ...serverOptions, ca: readFileSync(ca), requestCert: true, rejectUnauthorized: true },
    });
    const tlsContext = createTlsContext({ ca, certificate, key });
    const result = answersOf(await ask(testUpstream(t, server.port, { endpoint: endpoint(server.port), tlsContext })));
    if (want instanceof RegExp) assert.match(String(result), want);
    else assert.deepEqual(result, want);
  });
}

test('a server without TLS', async (t) => {
  const server = await streamServer(t, ({ query, send }) => send(replyTo(query)), {
    onConnection: (socket) => socket.end('not TLS'),
  });
  const options = { endpoint: endpoint(server.port), tlsContext: createTlsContext({ ca }) };
  assert.match(
    String(answersOf(await ask(testUpstream(t, server.port, options)))),
    /^dial tcp 127\.0\.0\.1:\d+: tls: /,
  );
});

test('files that are none', () => {
  assert.throws(() => createTlsContext({ ca: fixture('missing.pem') }), { code: 'ENOENT' });
  assert.throws(() => createTlsContext({ certificate: ca, key: fixture('README.md') }));
});
