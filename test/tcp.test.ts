/** DNS over TCP as clients see it: framing, pipelining, answers out of order, time-outs (RFC 7766). */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, hold, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { type Server, TcpClient } from './support/client.ts';
import { buildQuery, FLAGS, numbers16, readResponse } from './support/message.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

let upstream: ScriptedUpstream;
let nodens: Nodens;
let impatient: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    forward . ${upstream.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    timeouts {
        read 1s
        idle 1s
    }
    whoami
}
.:{PORT3} {
    bind 127.0.0.1
    timeouts {
        maxtcpqueries 3
    }
    forward . ${upstream.endpoint}
}
`,
  });
  impatient = { address: nodens.address, port: nodens.ports.PORT2 };
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

test('a message may arrive byte by byte', async () => {
  upstream.on('slow.example.org', 'A', answer('slow.example.org 60 A 192.0.2.1'));
  const client = await TcpClient.open(nodens);
  const query = buildQuery({ qname: 'slow.example.org' });
  for (const byte of Buffer.concat([numbers16(query.length), query])) {
    client.sendRaw(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.equal(readResponse(await client.receive()).answers[0], 'slow.example.org 60 A 192.0.2.1');
  client.close();
});

test('fifty queries in one segment are all answered', async () => {
  upstream.otherwise(reply({ rcode: 'NXDOMAIN' }));
  const client = await TcpClient.open(nodens);
  client.send(...Array.from({ length: 50 }, (_, id) => buildQuery({ qname: `n${id}.example.org`, id })));
  const seen = new Map<number, string | undefined>();
  for (let i = 0; i < 50; i++) {
    const response = readResponse(await client.receive());
    seen.set(response.id, response.question);
  }
  assert.equal(seen.size, 50);
  for (const [id, question] of seen) assert.equal(question, `n${id}.example.org A IN`);
  client.close();
});

test('a slow answer does not delay the others on its connection', async () => {
  const slow = hold(answer('held.example.org 60 A 192.0.2.1'));
  upstream.on('held.example.org', 'A', slow.behaviour);
  const client = await TcpClient.open(nodens);
  client.send({ qname: 'held.example.org', id: 1 }, { qname: 'quick.example.org', id: 2 });
  assert.equal(readResponse(await client.receive()).id, 2);
  slow.release();
  assert.equal(readResponse(await client.receive()).id, 1);
  client.close();
});

describe('frames that get no answer, and do not close the connection', () => {
  const cases = [
    { name: 'an empty message', frame: numbers16(0) },
    { name: 'less than a header', frame: Buffer.concat([numbers16(11), Buffer.alloc(11)]) },
    { name: 'a response', frame: Buffer.concat([numbers16(12), numbers16(7, FLAGS.QR, 0, 0, 0, 0)]) },
  ];
  for (const { name, frame } of cases) {
    test(name, async () => {
      const client = await TcpClient.open(nodens);
      client.sendRaw(frame);
      assert.equal((await client.ask({ qname: 'after.example.org', id: 99 })).id, 99);
      client.close();
    });
  }
});

test('an error of the header alone is answered over TCP as well', async () => {
  const client = await TcpClient.open(nodens);
  const response = await client.ask(numbers16(7, 2 << 11, 0, 0, 0, 0));
  assert.deepEqual([response.id, response.rcode], [7, 'NOTIMP']);
  client.close();
});

test('a client that half-closes gets its answers first', async () => {
  const slow = hold(answer('half.example.org 60 A 192.0.2.1'));
  upstream.on('half.example.org', 'A', slow.behaviour);
  const client = await TcpClient.open(nodens);
  client.send({ qname: 'half.example.org', id: 1 }, { qname: 'quick.example.org', id: 2 });
  client.halfClose();
  assert.equal(readResponse(await client.receive()).id, 2);
  slow.release();
  assert.equal(readResponse(await client.receive()).id, 1);
  await client.untilClosed();
  client.close();
});

test('a query of 65,535 bytes', async () => {
  const overhead = buildQuery({
    qname: 'www.example.org',
    edns: { options: [{ code: 12, data: Buffer.alloc(0) }] },
  }).length;
  const edns = { options: [{ code: 12, data: Buffer.alloc(65_535 - overhead) }] };
  const client = await TcpClient.open(impatient);
  const response = await client.ask({ qname: 'www.example.org', edns });
  assert.equal(response.rcode, 'NOERROR');
  client.close();
});

describe('time-outs', { concurrency: 16 }, () => {
  test('a connection that says nothing is closed', async () => {
    const client = await TcpClient.open(impatient);
    await client.untilClosed();
    client.close();
  });

  test('half a message does not keep a connection open', async () => {
    const client = await TcpClient.open(impatient);
    client.sendRaw(Buffer.from([0, 40, 1, 2, 3]));
    await client.untilClosed();
    await assert.rejects(client.receive(0), /no response/);
    client.close();
  });

  test('a connection with nothing more to ask is closed', async () => {
    const client = await TcpClient.open(impatient);
    assert.equal((await client.ask({ qname: 'www.example.org' })).rcode, 'NOERROR');
    await client.untilClosed();
    client.close();
  });
});

test('maxtcpqueries: so many are answered, then the connection is closed', async () => {
  upstream.otherwise(reply({ rcode: 'NXDOMAIN' }));
  const client = await TcpClient.open({ address: nodens.address, port: nodens.ports.PORT3 });
  client.send(...[1, 2, 3, 4].map((id) => buildQuery({ qname: `m${id}.example.org`, id })));
  const ids: number[] = [];
  for (let i = 0; i < 3; i++) ids.push(readResponse(await client.receive()).id);
  assert.deepEqual(ids.sort(), [1, 2, 3]);
  await client.untilClosed();
  assert.equal(upstream.queries('m4.example.org'), 0);
});
