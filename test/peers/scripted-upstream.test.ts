import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { askTcp, askUdp, TcpClient } from '../support/client.ts';
import { closeMidMessage, drop, inTurn, reply, truncatedOverUdp, wrongId, wrongQuestion } from './behaviours.ts';
import { ScriptedUpstream } from './scripted-upstream.ts';

const WWW = 'www.example.org';
const PARTS = { answers: [`${WWW} 300 A 192.0.2.1`] };
let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start();
});
after(() => upstream.stop());

test('answers and counts over both protocols', async () => {
  upstream.on(
    WWW,
    'A',
    reply({ ...PARTS, edns: { udpPayloadBytes: 1400, options: [{ code: 10, data: Buffer.from('x') }] } }),
  );
  for (const ask of [askUdp, askTcp]) {
    const response = await ask(upstream, { qname: WWW, id: 7, flags: 0 });
    assert.deepEqual([response.id, response.rcode, response.ra, response.rd], [7, 'NOERROR', true, false]);
    assert.deepEqual(response.answers, PARTS.answers);
    assert.equal(response.question, `${WWW} A IN`);
    assert.equal(response.opt?.udpPayloadBytes, 1400);
    assert.deepEqual(response.opt?.options, [{ code: 10, data: Buffer.from('x') }]);
  }
  assert.equal(upstream.queries(WWW, 'A'), 2);
  assert.deepEqual(
    upstream.received.map(({ protocol }) => protocol),
    ['udp', 'tcp'],
  );
  assert.equal(upstream.connectionCount, 1);
});

test('says NXDOMAIN to what it was not told about', async () => {
  const response = await askUdp(upstream, { qname: 'other.example.org' });
  assert.deepEqual([response.rcode, response.authorities.length], ['NXDOMAIN', 1]);
});

test('lies as told', async () => {
  upstream.on('id.example.org', undefined, wrongId(PARTS)).on('question.example.org', undefined, wrongQuestion(PARTS));
  assert.notEqual((await askUdp(upstream, { qname: 'id.example.org', id: 7 })).id, 7);
  assert.equal((await askUdp(upstream, { qname: 'question.example.org' })).question, 'forged.example.org A IN');
});

test('takes turns, drops, and truncates over UDP alone', async () => {
  upstream.on('turns.example.org', undefined, inTurn(drop, truncatedOverUdp(PARTS)));
  await assert.rejects(askUdp(upstream, { qname: 'turns.example.org' }, 20), /no response/);
  assert.equal((await askUdp(upstream, { qname: 'turns.example.org' })).tc, true);
  const whole = await askTcp(upstream, { qname: 'turns.example.org' });
  assert.deepEqual([whole.tc, whole.answers.length], [false, 1]);
});

test('closes a connection in the middle of a message', async () => {
  upstream.on('half.example.org', undefined, closeMidMessage(PARTS));
  const client = await TcpClient.open(upstream);
  client.send({ qname: 'half.example.org' });
  await client.untilClosed();
  await assert.rejects(client.receive(0), /no response/);
  client.close();
});
