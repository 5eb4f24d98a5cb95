import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import type { Outcome } from '../directives/contract.ts';
import { Metrics } from '../observe/metrics.ts';
import { nameFromText } from '../wire/name.ts';
import { TYPE_AAAA } from '../wire/types.ts';
import { parseMessage } from '../wire/view.ts';
import type { Client } from './client.ts';
import { InflightTable } from './inflight.ts';
import { type Arrival, ServerQuery } from './query.ts';
import { arrivalOf } from './testing.ts';

const CLIENT: Client = {
  ...{ protocol: 'udp', family: 4, address: '192.0.2.1', port: 4000, localAddress: '192.0.2.53', localPort: 53 },
  send: () => undefined,
  drop: () => undefined,
};
const NOTHING: Outcome = { response: undefined, rcode: 0, source: 'whoami' };

/** A query that checks RD and CD, with a cookie in its OPT. */
function request(name: string) {
  const options = [{ code: 10, data: Buffer.from('0102030405060708', 'hex') }];
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1400,
    extendedRcode: 0,
    ednsVersion: 0,
    flag_do: true,
  } as const;
  const bytes = dnsPacket.encode({
    type: 'query',
    id: 7,
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.CHECKING_DISABLED,
    questions: [{ type: 'A', name }],
    additionals: [{ ...opt, flags: dnsPacket.DNSSEC_OK, options: Object.assign([] as dnsPacket.PacketOpt[], options) }],
  });
  return parseMessage(new Uint8Array(bytes));
}

function queryTo(more: Partial<Arrival>, inflight = new InflightTable(1, new Metrics())) {
  return new ServerQuery(request('www.example.org'), arrivalOf(inflight, more), CLIENT, 5);
}

const OTHER = nameFromText('other.example.') ?? assert.fail();

test('another request: client, metadata, size and place in flight stay those of the query', () => {
  const inflight = new InflightTable(1, new Metrics());
  const query = queryTo({}, inflight);
  const part = query.withRequest(request('a.example'));
  assert.deepEqual([part.qname, query.qname], ['a.example.', 'www.example.org.']);
  assert.deepEqual(
    [part.clientAddress, part.protocol, part.receivedAtMs, part.requestBytes],
    [query.clientAddress, query.protocol, query.receivedAtMs, query.requestBytes],
  );
  part.metadata.set('a/b', 'c');
  assert.equal(query.metadata.get('a/b'), 'c');
  assert.ok(part.admit());
  assert.ok(query.admit(), 'the one place is shared');
  part.done();
  assert.equal(inflight.take(), false, 'the query still has it');
  query.done();
  assert.equal(inflight.take(), true);
});

test('another question: asked of the whole server, with flags, DO and size of the query, without its options', async () => {
  const asked: ServerQuery[] = [];
  const query = queryTo({
    resolve: async (part) => {
      asked.push(part);
      return NOTHING;
    },
  });
  assert.equal(await query.resolve(OTHER, TYPE_AAAA), NOTHING);
  const message = dnsPacket.decode(Buffer.from(asked[0].request.bytes));
  assert.deepEqual(message.questions, [{ name: 'other.example', type: 'AAAA', class: 'IN' }]);
  assert.deepEqual([message.flag_rd, message.flag_cd, message.type], [true, true, 'query']);
  const [opt] = message.additionals ?? [];
  assert.ok(opt?.type === 'OPT');
  assert.deepEqual([opt.udpPayloadSize, opt.flag_do, opt.options], [1400, true, []]);
  assert.equal(asked[0].dnssecOk, true);
});

test('questions that lead to each other end with SERVFAIL', async () => {
  let count = 0;
  const query = queryTo({
    resolve: (part) => {
      count++;
      return part.withRequest(request('a.example')).resolve(OTHER, TYPE_AAAA);
    },
  });
  const { rcode, error } = await query.resolve(OTHER, TYPE_AAAA);
  assert.equal(rcode, 2);
  assert.match(error?.message ?? '', /^more than 8 questions/);
  assert.equal(count, 8);
});

test('a query that leads to too many questions gets SERVFAIL for those that come then', async () => {
  let count = 0;
  const query = queryTo({
    resolve: async (part) => {
      count++;
      assert.ok(part.isNested);
      return { ...NOTHING, rcode: 2 * (await part.resolve(OTHER, TYPE_AAAA)).rcode };
    },
  });
  assert.equal(query.isNested, false);
  const outcomes: Outcome[] = [];
  for (let i = 0; i < 8; i++) outcomes.push(await query.resolve(OTHER, TYPE_AAAA));
  assert.equal(count, 32);
  assert.match(outcomes.at(-1)?.error?.message ?? '', /more than 32 questions/);
});

for (const end of ['resolve', 'reject'] as const) {
  test(`a place that is kept is given back when that is over: ${end}`, async () => {
    const inflight = new InflightTable(1, new Metrics());
    const query = queryTo({}, inflight);
    const work = Promise.withResolvers<void>();
    assert.ok(query.admit());
    query.withRequest(request('a.example')).keepPlace(work.promise);
    query.done();
    assert.ok(!queryTo({}, inflight).admit(), 'work goes on');
    assert.ok(query.admit(), 'and may ask more');
    work[end]();
    await work.promise.catch(() => undefined);
    assert.ok(queryTo({}, inflight).admit(), 'nothing goes on');
  });
}

test('a place that is kept for less than the query is given back by it', async () => {
  const inflight = new InflightTable(1, new Metrics());
  const query = queryTo({}, inflight);
  assert.ok(query.admit());
  query.keepPlace(Promise.resolve());
  await Promise.resolve();
  assert.ok(!queryTo({}, inflight).admit());
  query.done();
  assert.ok(queryTo({}, inflight).admit());
});

test('whoever has the query, by whatever request, may see the answer that its client is sent', () => {
  const query = queryTo({});
  const seen: string[] = [];
  query.onAnswered((answer) => seen.push(`first ${answer.length}`));
  query.withRequest(request('elsewhere.example.org')).onAnswered((answer) => seen.push(`second ${answer.length}`));
  query.background().onAnswered(() => seen.push('nobody waits for this one'));
  query.answered(new Uint8Array(12));
  assert.deepEqual(seen, ['first 12', 'second 12']);
});
