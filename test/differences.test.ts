/**
 * Where nodens does better than CoreDNS and node-cache, knowingly: a test for each such row of docs/differences.md that
 * shows from outside. Those of a group run at the same time, on names of their own.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  all,
  answer,
  closeMidMessage,
  drop,
  hold,
  inTurn,
  reply,
  wrongId,
  wrongQuestion,
  wrongSource,
} from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server, TcpClient } from './support/client.ts';
import { encodeName, readResponse } from './support/message.ts';
import { launchNodens, type Nodens, startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';

const STALE_ANSWER = 3; // RFC 8914
const EDE = 15;
const A = (qname: string, ttl = 60) => `${qname} ${ttl} A 192.0.2.1`;

let upstream: ScriptedUpstream;
let refusing: string;
let nodens: Nodens;
/** For what ends after 5 s, on a busy machine. */
const DEADLINE_MS = 15_000;
/** `forward` alone; `cache` before it; an upstream where nobody listens. */
let plain: Server;
let cached: Server;
let dead: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  refusing = `127.0.0.1:${await freePort()}`;
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    forward . ${upstream.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    cache {
        success 1024 1
        serve_stale 1h immediate 0 1m
    }
    forward . ${upstream.endpoint}
}
.:{PORT3} {
    bind 127.0.0.1
    forward . ${refusing}
}
`,
  });
  const at = (port: number): Server => ({ address: nodens.address, port });
  [plain, cached, dead] = [at(nodens.port), at(nodens.ports.PORT2), at(nodens.ports.PORT3)];
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

describe('Do better', { concurrency: 32 }, () => {
  test('TCP: pipelined, answers as they come', async () => {
    const slow = hold(answer(A('slow.example.org')));
    upstream.on('slow.example.org', 'A', slow.behaviour).on('quick.example.org', 'A', answer(A('quick.example.org')));
    const client = await TcpClient.open(plain);
    client.send({ qname: 'slow.example.org', id: 1 }, { qname: 'quick.example.org', id: 2 });
    assert.equal(readResponse(await client.receive()).id, 2);
    slow.release();
    assert.equal(readResponse(await client.receive()).id, 1);
    client.close();
  });

  test('UDP queries over 512 bytes: read whole, up to 4,096', async () => {
    upstream.on('long.example.org', 'A', answer(A('long.example.org')));
    const edns = { options: [{ code: 12, data: Buffer.alloc(4000) }] };
    assert.equal((await askUdp(plain, { qname: 'long.example.org', edns })).rcode, 'NOERROR');
  });

  test('the OPT of an upstream: never to clients without EDNS', async () => {
    upstream.on('opt.example.org', 'A', reply({ answers: [A('opt.example.org')], edns: { flags: 0x8000 } }));
    for (const server of [plain, cached]) {
      const { opt, answers } = await askUdp(server, { qname: 'opt.example.org' });
      assert.deepEqual([opt, answers.length], [undefined, 1]);
    }
  });

  test('replies that fit: names compressed', async () => {
    upstream.on('compressed.example.org', 'A', answer(A('compressed.example.org')));
    for (const ask of [askUdp, askTcp]) {
      const { bytes } = await ask(plain, { qname: 'compressed.example.org' });
      const name = encodeName('compressed.example.org');
      assert.equal(bytes.indexOf(name), bytes.lastIndexOf(name));
    }
  });

  const lie = { answers: ['www.example.org 60 A 203.0.113.66'] };
  for (const forge of [wrongId, wrongQuestion, wrongSource]) {
    test(`a forged or mismatched answer: ignored, and the wait goes on (${forge.name})`, async () => {
      const qname = `${forge.name}.example.org`.toLowerCase();
      upstream.on(qname, 'A', all(forge(lie), answer(A(qname))));
      assert.deepEqual((await askUdp(plain, { qname })).answers, [A(qname)]);
    });
  }

  test('the deadline: SERVFAIL at 5 s at the latest', async () => {
    upstream.on('silent.example.org', 'A', drop);
    for (const ask of [askUdp, askTcp]) {
      assert.equal((await ask(plain, { qname: 'silent.example.org' }, DEADLINE_MS)).rcode, 'SERVFAIL');
    }
  });

  test('the deadline: no spinning on a refusing upstream', async () => {
    for (const ask of [askUdp, askTcp]) {
      assert.equal((await ask(dead, { qname: 'www.example.org' }, DEADLINE_MS)).rcode, 'SERVFAIL');
    }
  });

  test('upstream connections: few, and one that breaks off is made anew', async () => {
    upstream.on('broken.example.org', 'A', inTurn(closeMidMessage(lie), answer(A('broken.example.org'))));
    assert.deepEqual((await askTcp(plain, { qname: 'broken.example.org' })).answers, [A('broken.example.org')]);
  });

  test('negative TTL: the lower of SOA TTL and MINIMUM', async () => {
    const authorities = ['example.org 300 SOA ns.example.org root.example.org 1 17'];
    upstream.on('gone.example.org', 'A', reply({ rcode: 'NXDOMAIN', authorities }));
    for (let i = 0; i < 2; i++) assert.ok((await askUdp(cached, { qname: 'gone.example.org' })).ttls[0] <= 17);
  });

  test('cache key: IN alone is cached', async () => {
    upstream.on('class.example.org', undefined, answer(A('class.example.org')));
    for (const qclass of [1, 3, 3]) await askUdp(cached, { qname: 'class.example.org', qclass });
    assert.equal(upstream.queries('class.example.org'), 3);
  });

  test('serve_stale: a positive stale answer wins over SERVFAIL, with EDE 3, and the name is not asked again', async () => {
    const qname = 'stale.example.org';
    upstream.on(qname, 'A', inTurn(answer(A(qname)), reply({ rcode: 'SERVFAIL' })));
    await askUdp(cached, { qname });
    await sleep(1_100);
    for (let i = 0; i < 5; i++) {
      const { rcode, answers, opt } = await askUdp(cached, { qname, edns: {} });
      assert.deepEqual([rcode, answers], ['NOERROR', [A(qname, 0)]]);
      assert.equal(opt?.options.find(({ code }) => code === EDE)?.data.readUInt16BE(0), STALE_ANSWER);
      await sleep(50);
    }
    assert.equal(upstream.queries(qname), 2);
  });

  test('equal questions in flight: one upstream query for all', async () => {
    const slow = hold(answer(A('equal.example.org')));
    upstream.on('equal.example.org', 'A', slow.behaviour);
    const asked = Array.from({ length: 20 }, (_, id) => askUdp(cached, { qname: 'equal.example.org', id }));
    await sleep(100);
    slow.release();
    for (const { answers } of await Promise.all(asked)) assert.equal(answers.length, 1);
    assert.equal(upstream.queries('equal.example.org'), 1);
  });
});

// Not beside those above: starting a server keeps a core busy for a while, and they wait for answers of a few seconds.
describe('Do better, with a server of its own', { concurrency: 4 }, () => {
  test('eviction: what is asked often stays, however many other names come by', async () => {
    upstream.otherwise((exchange) => answer(A(exchange.query.qname, 3600))(exchange));
    const server = await startNodens({
      corefile: `.:{PORT} {\n bind 127.0.0.1\n cache {\n success 1024\n }\n forward . ${upstream.endpoint}\n}`,
    });
    const client = await TcpClient.open(server);
    for (let i = 0; i < 3_000; i++) {
      if (i % 100 === 0) await client.ask({ qname: 'often.example.org' });
      await client.ask({ qname: `n${i}.example.org` });
    }
    client.close();
    await server.stop();
    assert.equal(upstream.queries('often.example.org'), 1);
  });

  test('upper case in a zone key: lowered', async () => {
    upstream.on('a.upper.example.org', 'A', answer(A('a.upper.example.org')));
    const server = await startNodens({
      corefile: `UPPER.Example.org:{PORT} {\n bind 127.0.0.1\n forward . ${upstream.endpoint}\n}`,
    });
    const { rcode } = await askUdp(server, { qname: 'a.upper.example.org' });
    await server.stop();
    assert.equal(rcode, 'NOERROR');
  });

  const blocks = [
    { name: 'a directive with its block on one line', directive: 'cache { success 1024 }' },
    { name: 'a quoted brace', directive: 'log . "{" {\n class error\n }' },
  ];
  for (const { name, directive } of blocks) {
    test(`${name}: read as meant`, async () => {
      const server = await startNodens({ corefile: `.:{PORT} {\n bind 127.0.0.1\n ${directive}\n whoami\n}` });
      assert.equal((await askUdp(server, { qname: 'www.example.org' })).rcode, 'NOERROR');
      await server.stop();
    });
  }

  for (const scheme of ['tls', 'https', 'grpc', 'quic']) {
    test(`a ${scheme}:// block without tls: an error at start`, async () => {
      const server = await launchNodens({ corefile: `${scheme}://.:{PORT} {\n bind 127.0.0.1\n whoami\n}` });
      assert.equal((await server.untilExit()).code, 1);
      assert.match(server.stderr(), /^\S*Corefile:1: /);
    });
  }
});
