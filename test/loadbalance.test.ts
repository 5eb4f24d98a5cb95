/** The directive `loadbalance` as clients see it: the order of records, also of answers that the cache has. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory } from './support/child.ts';
import { type Server, TcpClient, UdpClient } from './support/client.ts';
import type { QueryParts, Response } from './support/message.ts';
import { launchNodens, type Nodens, startNodens } from './support/nodens.ts';

// Two addresses do not show both orders in one run of 2^63.
const QUERIES = 64;

const directory = makeTemporaryDirectory('loadbalance');
const weights = join(directory, 'weights');
let upstream: ScriptedUpstream;
let nodens: Nodens;
let cached: Server;
let uncached: Server;
let weighted: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  writeWeights('192.0.2.1 255', '192.0.2.2 1');
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    cache
    loadbalance
    forward . ${upstream.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    loadbalance round_robin {
        prefer 198.51.100.0/24 203.0.113.0/24
    }
    forward . ${upstream.endpoint}
}
.:{PORT3} {
    bind 127.0.0.1
    loadbalance weighted ${weights} {
        reload 50ms
    }
    cache
    forward . ${upstream.endpoint}
}
`,
  });
  const at = (port: number): Server => ({ address: nodens.address, port });
  [cached, uncached, weighted] = [nodens, at(nodens.ports.PORT2), at(nodens.ports.PORT3)];
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

/** At once: half a file is never seen. */
function writeWeights(...lines: string[]): void {
  writeFileSync(`${weights}.new`, `weighted.example.org\n${lines.join('\n')}\n`);
  renameSync(`${weights}.new`, weights);
}

/** The answers to the same query, asked so many times over one socket or connection. */
async function askOften(server: Server, query: QueryParts, Client: typeof UdpClient | typeof TcpClient = UdpClient) {
  const client = await Client.open(server);
  const responses: Response[] = [];
  for (let i = 0; i < QUERIES; i++) responses.push(await client.ask(query));
  client.close();
  return responses;
}

/** How often each order of the answer section came, records by the last word of their text. */
function orders(responses: readonly Response[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { answers } of responses) {
    const order = answers.map((record) => record.split(' ').at(-1)).join(' ');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  return counts;
}

describe('round robin', () => {
  for (const Client of [UdpClient, TcpClient]) {
    test(`what the cache has comes in either order (${Client.name})`, async () => {
      const qname = `${Client.name}.example.org`.toLowerCase();
      upstream.on(qname, 'A', answer(`${qname} 60 A 192.0.2.1`, `${qname} 60 A 192.0.2.2`));
      // Spelled as it is stored, and otherwise; with OPT and without.
      for (const query of [{ qname }, { qname: qname.toUpperCase(), edns: {} }]) {
        const responses = await askOften(cached, query, Client);
        assert.deepEqual([...orders(responses).keys()].sort(), ['192.0.2.1 192.0.2.2', '192.0.2.2 192.0.2.1']);
        for (const { rcode, question, opt } of responses) {
          assert.deepEqual([rcode, question, opt !== undefined], ['NOERROR', `${query.qname} A IN`, 'edns' in query]);
        }
      }
      assert.equal(upstream.queries(qname), 1);
    });
  }

  test('what comes of the upstream, too, with its OPT', async () => {
    const qname = 'uncached.example.org';
    const answers = [`${qname} 60 A 192.0.2.1`, `${qname} 60 A 192.0.2.2`];
    upstream.on(qname, 'A', reply({ answers, edns: { options: [{ code: 65001, data: Buffer.from('x') }] } }));
    const responses = await askOften(uncached, { qname, edns: {} });
    assert.equal(orders(responses).size, 2);
    for (const { opt } of responses) assert.deepEqual(opt?.options, [{ code: 65001, data: Buffer.from('x') }]);
    assert.equal(upstream.queries(qname), QUERIES);
  });

  test('of many addresses each comes first', async () => {
    const qname = 'many.example.org';
    upstream.on(qname, 'A', answer(...[1, 2, 3, 4].map((i) => `${qname} 60 A 192.0.2.${i}`)));
    const responses = await askOften(cached, { qname });
    assert.equal(new Set(responses.map(({ answers }) => answers[0])).size, 4);
    for (const { answers } of responses) assert.equal(new Set(answers).size, 4);
  });

  test('aliases stay first', async () => {
    const qname = 'alias.example.org';
    const aliases = [`${qname} 60 CNAME a.example.net`, 'a.example.net 60 CNAME b.example.net'];
    const addresses = ['b.example.net 60 A 192.0.2.1', 'b.example.net 60 A 192.0.2.2'];
    upstream.on(qname, 'A', answer(...aliases, ...addresses));
    const found = orders(await askOften(cached, { qname }));
    const names = 'a.example.net b.example.net';
    assert.deepEqual([...found.keys()].sort(), [`${names} 192.0.2.1 192.0.2.2`, `${names} 192.0.2.2 192.0.2.1`]);
  });

  test('mail exchanges and their addresses', async () => {
    const qname = 'mail.example.org';
    const answers = ['a', 'b'].map((host) => `${qname} 60 MX 10 ${host}.mail.example.org`);
    const additionals = ['a', 'b'].map((host, i) => `${host}.mail.example.org 60 A 192.0.2.${i + 1}`);
    upstream.on(qname, 'MX', reply({ answers, additionals }));
    const responses = await askOften(cached, { qname, qtype: 'MX' });
    assert.equal(orders(responses).size, 2);
    assert.equal(new Set(responses.map((response) => response.additionals[0])).size, 2);
  });

  test('prefer: addresses of its networks come first', async () => {
    const qname = 'prefer.example.org';
    const addresses = ['192.0.2.1', '203.0.113.1', '192.0.2.2', '198.51.100.1'];
    upstream.on(qname, 'A', answer(...addresses.map((address) => `${qname} 60 A ${address}`)));
    const found = orders(await askOften(uncached, { qname }));
    const preferred = '198.51.100.1 203.0.113.1';
    const others = ['192.0.2.1 192.0.2.2', '192.0.2.2 192.0.2.1'];
    assert.deepEqual(
      [...found.keys()].sort(),
      others.map((order) => `${preferred} ${order}`),
    );
  });
});

describe('weighted', () => {
  test('by the weights of the file, names in any case, and by those that it has later', async () => {
    const qname = 'Weighted.example.org';
    upstream.on(qname, 'A', answer(`${qname} 60 A 192.0.2.1`, `${qname} 60 A 192.0.2.2`));
    // Expected are 63.75 of 64, and 32 if weights did nothing.
    const isFirst = async (address: string) => {
      const responses = await askOften(weighted, { qname });
      const count = responses.filter(({ answers }) => answers[0].endsWith(` ${address}`)).length;
      assert.ok(count >= 55, `${count} of ${QUERIES}`);
    };
    await isFirst('192.0.2.1');
    writeWeights('192.0.2.1 0');
    await nodens.untilOutput(
      /\[ERROR\] plugin\/loadbalance: keeping the weights of .*weights:2: WEIGHT must be 1\.\.255/,
    );
    await isFirst('192.0.2.1');
    writeWeights('192.0.2.1 1', '192.0.2.2 255');
    const reloaded = '\\[INFO\\] plugin/loadbalance: Successfully reloaded weight file .*weights';
    await nodens.untilOutput(new RegExp(`${reloaded}\\n[^]*${reloaded}\\n`));
    await isFirst('192.0.2.2');
  });

  const start = async (file: string, options: string) =>
    launchNodens({
      corefile: `.:{PORT} {\n bind 127.0.0.1\n whoami\n loadbalance weighted ${file} {\n ${options}\n }\n}`,
    });
  const faults = [
    { name: 'a file with a fault', file: weights, options: 'reload 1s', error: /weights:2: WEIGHT must be 1\.\.255/ },
    {
      name: 'no file, and no second look',
      file: '/no/such/file',
      options: 'reload 0',
      error: /ENOENT.*\/no\/such\/file/,
    },
  ];
  for (const { name, file, options, error } of faults) {
    test(`${name}: an error at start`, async () => {
      writeWeights('192.0.2.1 0');
      const failing = await start(file, options);
      assert.equal((await failing.untilExit()).code, 1);
      assert.match(failing.stderr(), /^.*Corefile:4: loadbalance: .*\n$/);
      assert.match(failing.stderr(), error);
    });
  }

  test('no file yet: a warning', async () => {
    const waiting = await start('/no/such/file', 'reload 1m');
    await waiting.untilOutput(/\[WARNING\] plugin\/loadbalance: Failed to open weight file: .* Will try again in 1m0s/);
    assert.equal((await waiting.stop()).code, 0);
  });
});
