import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { endpointOf } from './endpoint.ts';
import {
  addressFor,
  answersOf,
  ask,
  manyNames,
  replyTo,
  samplesOf,
  testServices,
  testUpstream,
  until,
} from './testing.ts';
import { createTlsContext } from './tls-context.ts';
import type { UpstreamOptions } from './upstream.ts';

const fixture = (name: string) => join(import.meta.dirname, 'testdata', name);
const key = readFileSync(fixture('server-key.pem'));
const cert = readFileSync(fixture('server.pem'));
const tlsContext = createTlsContext({ ca: fixture('ca.pem') });

type Request = http.IncomingMessage | http2.Http2ServerRequest;
type Exchange = {
  readonly request: Request;
  readonly query: Buffer;
  respond(message: Uint8Array, status?: number): void;
  /** Breaks the connection off. */
  breakOff(): void;
};
type HttpsServer = { readonly port: number; readonly accepted: number };

/** Serves HTTP/2 to whoever can speak it, or HTTP/1.1 alone. */
async function httpsServer(
  t: TestContext,
  version: '2' | '1.1',
  onQuery: (exchange: Exchange) => void,
): Promise<HttpsServer> {
  const sockets = new Set<net.Socket>();
  let accepted = 0;
  const serve = async (request: Request, response: http.ServerResponse | http2.Http2ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const inPath = new URL(request.url ?? '', 'https://localhost').searchParams.get('dns');
    const query = inPath === null ? Buffer.concat(chunks) : Buffer.from(inPath, 'base64url');
    const respond = (message: Uint8Array, status = 200) => {
      response.statusCode = status;
      response.setHeader('content-type', 'application/dns-message');
      if (message.length === 0) response.end();
      else response.end(Buffer.from(message));
    };
    onQuery({ request, query, respond, breakOff: () => sockets.forEach((socket) => void socket.destroy()) });
  };
  const server =
    version === '2' ? http2.createSecureServer({ key, cert }, serve) : https.createServer({ key, cert }, serve);
  server.on('secureConnection', (socket: net.Socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    port: address.port,
    get accepted() {
      return accepted;
    },
  };
}

const optionsFor = ({ port }: HttpsServer, options: Partial<UpstreamOptions> = {}) => {
  return { endpoint: endpointOf('https', '127.0.0.1', port), tlsContext, readTimeoutMs: 10_000, ...options };
};

for (const version of ['2', '1.1'] as const) {
  for (const method of ['POST', 'GET'] as const) {
    test(`HTTP/${version}: ${method}, as RFC 8484 has it`, async (t) => {
      const seen: (string | undefined)[][] = [];
      const server = await httpsServer(t, version, ({ request, query, respond }) => {
        const { method: used, url, headers } = request;
        const authority = request instanceof http2.Http2ServerRequest ? request.authority : headers.host;
        seen.push([used, url?.replace(/=.+/, '=…'), headers.accept, headers['content-type'], authority]);
        respond(replyTo(query));
      });
      const upstream = testUpstream(t, server.port, optionsFor(server, { httpsMethod: method }));
      for (const protocol of ['udp', 'tcp'] as const) {
        assert.deepEqual(answersOf(await ask(upstream, { protocol })), ['192.0.2.80']);
      }
      const type = 'application/dns-message';
      const authority = `127.0.0.1:${server.port}`;
      const want =
        method === 'POST'
          ? ['POST', '/dns-query', type, type, authority]
          : ['GET', '/dns-query?dns=…', type, undefined, authority];
      assert.deepEqual(seen, [want, want]);
      assert.equal(server.accepted, 1);
    });
  }

  test(`HTTP/${version}: many queries at a time each get their answer`, async (t) => {
    const server = await httpsServer(t, version, ({ query, respond }) => {
      setTimeout(() => respond(replyTo(query, [addressFor(query)])), Math.random() * 5);
    });
    const services = testServices(t);
    const upstream = testUpstream(t, server.port, optionsFor(server), services);
    const names = manyNames(60);
    const results = await Promise.all(names.map((name) => ask(upstream, { name })));
    assert.deepEqual(
      results.map(answersOf),
      names.map((_, i) => [`192.0.2.${i}`]),
    );
    assert.ok(server.accepted <= (version === '2' ? 1 : 8), `${server.accepted} connections`);
    const [misses] = await samplesOf(services.metrics, 'coredns_proxy_conn_cache_misses_total');
    assert.match(misses, /^\{proto="https",proxy_name="forward",to="127\.0\.0\.1:\d+"\} 60$/);
  });

  test(`HTTP/${version}: a status that is no success fails the attempt, and no other`, async (t) => {
    let count = 0;
    const server = await httpsServer(t, version, ({ query, respond }) =>
      respond(replyTo(query), ++count === 1 ? 503 : 200),
    );
    const upstream = testUpstream(t, server.port, optionsFor(server));
    assert.match(String(answersOf(await ask(upstream))), /^read tcp .*: HTTP status 503 with \d+ bytes$/);
    assert.deepEqual(answersOf(await ask(upstream)), ['192.0.2.80']);
    assert.equal(server.accepted, 1);
  });

  const rubbish = [
    { name: 'no message', body: Buffer.from('<html>'), error: /: HTTP status 200 with 6 bytes$/ },
    { name: 'more than a message can have', body: Buffer.alloc(65_536), error: /: HTTP status 200 with 65536 bytes$/ },
  ];
  for (const { name, body, error } of rubbish) {
    test(`HTTP/${version}: ${name}`, async (t) => {
      const server = await httpsServer(t, version, ({ respond }) => respond(body));
      assert.match(String(answersOf(await ask(testUpstream(t, server.port, optionsFor(server))))), error);
    });
  }

  test(`HTTP/${version}: an answer to another question is ignored, until the time is up`, async (t) => {
    const server = await httpsServer(t, version, ({ query, respond }) => {
      const reply = replyTo(query);
      reply[13] ^= 2;
      respond(reply);
    });
    const upstream = testUpstream(t, server.port, optionsFor(server, { readTimeoutMs: 50 }));
    assert.match(String(answersOf(await ask(upstream))), /: i\/o timeout$/);
  });

  test(`HTTP/${version}: a connection that breaks off fails what was on it, and the next query has another`, async (t) => {
    let count = 0;
    const server = await httpsServer(t, version, ({ query, respond, breakOff }) => {
      if (++count === 2) breakOff();
      else respond(replyTo(query));
    });
    const upstream = testUpstream(t, server.port, optionsFor(server));
    await ask(upstream);
    await ask(upstream);
    assert.deepEqual(answersOf(await ask(upstream)), ['192.0.2.80']);
  });

  test(`HTTP/${version}: an idle connection is closed`, async (t) => {
    const server = await httpsServer(t, version, ({ query, respond }) => respond(replyTo(query)));
    const upstream = testUpstream(t, server.port, optionsFor(server, { idleMs: 20 }));
    await ask(upstream);
    await until(() => upstream.openCount === 0, 'the connection to be closed');
    assert.deepEqual(answersOf(await ask(upstream)), ['192.0.2.80']);
    assert.equal(server.accepted, 2);
  });
}

test('a name that the certificate has not', async (t) => {
  const server = await httpsServer(t, '2', ({ query, respond }) => respond(replyTo(query)));
  const upstream = testUpstream(t, server.port, optionsFor(server, { tlsServerName: 'other.example.org' }));
  assert.match(String(answersOf(await ask(upstream))), /^dial tcp .*: tls: .*other\.example\.org/);
});

test('a health check asks over HTTPS as well', async (t) => {
  let count = 0;
  const server = await httpsServer(t, '2', ({ query, respond }) => {
    count++;
    respond(replyTo(query));
  });
  const upstream = testUpstream(t, server.port, optionsFor(server));
  upstream.failed();
  await until(() => count === 1, 'the health check');
  assert.equal(upstream.isDown, false);
});
