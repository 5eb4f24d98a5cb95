import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { FLAG_AA, FLAG_AD, FLAG_QR } from '../../wire/header.ts';
import { buildMessage, type MessageText, wireName } from '../../wire/testing/build.ts';
import { MessageView, parseMessage } from '../../wire/view.ts';
import { fakeQuery } from '../testing.ts';
import { answerTo, renamedRequest } from './messages.ts';

const NO_CAP = 0xffffffff;
const ASKED = 'WWW.search.example.';

function decoded(view: MessageView) {
  const message = dnsPacket.decode(Buffer.from(view.bytes));
  const text = (records: dnsPacket.Answer[] | undefined) =>
    (records ?? []).map((record) =>
      'data' in record && 'ttl' in record ? `${record.name} ${record.ttl} ${record.type} ${record.data}` : record.type,
    );
  const { answers, authorities, additionals } = message;
  return { message, records: [text(answers), text(authorities), text(additionals)] };
}

/** The response to `www.example.org.` as one to the name that was asked for. */
function answer(response: MessageText, maxTtl = NO_CAP) {
  const view = parseMessage(buildMessage({ question: 'www.example.org. A', ...response }));
  return decoded(answerTo(fakeQuery({ qname: ASKED }).request, view, maxTtl));
}

const A = 'www.example.org. 60 IN A 192.0.2.1';
const SOA = 'example.org. 50 IN SOA ns.example.org. host.example.org. 1 2 3 4 5';
const cases = [
  {
    name: 'an alias leads from the name asked for',
    response: { answer: [A] },
    want: [['WWW.search.example 60 CNAME www.example.org', 'www.example.org 60 A 192.0.2.1'], [], []],
  },
  {
    name: 'to the first owner, with its TTL',
    response: { answer: ['www.example.org. 30 IN CNAME a.example.org.', 'a.example.org. 60 IN A 192.0.2.1'] },
    want: [
      [
        'WWW.search.example 30 CNAME www.example.org',
        'www.example.org 30 CNAME a.example.org',
        'a.example.org 60 A 192.0.2.1',
      ],
      [],
      [],
    ],
  },
  {
    name: 'no alias to itself',
    response: { answer: ['www.search.example. 60 IN A 192.0.2.1'] },
    want: [['www.search.example 60 A 192.0.2.1'], [], []],
  },
  {
    name: 'no answer, no alias',
    response: { additional: ['ns.example.org. 70 IN A 192.0.2.53'] },
    want: [[], [], ['ns.example.org 70 A 192.0.2.53']],
  },
  {
    name: 'no TTL above the cap',
    response: { answer: [A], additional: ['ns.example.org. 20 IN A 192.0.2.53'] },
    maxTtl: 30,
    want: [
      ['WWW.search.example 30 CNAME www.example.org', 'www.example.org 30 A 192.0.2.1'],
      [],
      ['ns.example.org 20 A 192.0.2.53'],
    ],
  },
];
for (const { name, response, maxTtl, want } of cases) {
  test(`answer: ${name}`, () => {
    const { message, records } = answer(response, maxTtl);
    assert.deepEqual(message.questions, [{ name: 'WWW.search.example', type: 'A', class: 'IN' }]);
    assert.deepEqual(records, want);
  });
}

test('answer: flags but AD, authority and OPT are those of the response, whatever the cap', () => {
  const opt = { flags: 0x8000, options: new Uint8Array() };
  const { message } = answer({ flags: FLAG_QR | FLAG_AA | FLAG_AD, authority: [SOA], opt }, 1);
  assert.deepEqual([message.flags, message.authorities?.length], [FLAG_AA, 1]);
  const [record] = message.additionals ?? [];
  assert.ok(record.type === 'OPT' && record.flag_do);
});

test('answer: what does not fit into a message any more is cut', () => {
  const response = {
    answer: Array.from({ length: 4093 }, (_, i) => `www.example.org. 60 IN A 192.0.${i >> 8}.${i & 255}`),
  };
  const { message } = answer(response);
  assert.ok(message.flag_tc);
  assert.ok((message.answers?.length ?? 0) > 4000);
});

test('answer: a message of ours stays one', () => {
  const bytes = buildMessage({ question: 'www.example.org. A', answer: [A] });
  const { request } = fakeQuery({ qname: ASKED });
  assert.equal(answerTo(request, MessageView.trusted(bytes), NO_CAP).isOurs, true);
  assert.equal(answerTo(request, parseMessage(bytes), NO_CAP).isOurs, false);
});

test('request: another name, and all else as it is', () => {
  const { request } = fakeQuery({ qname: ASKED, qtype: 28, id: 7, udpPayloadBytes: 1400, dnssecOk: true });
  const { message } = decoded(renamedRequest(request, wireName('Other.example.')));
  assert.deepEqual(message.questions, [{ name: 'Other.example', type: 'AAAA', class: 'IN' }]);
  assert.deepEqual([message.id, message.flags], [7, request.flags]);
  const [record] = message.additionals ?? [];
  assert.ok(record.type === 'OPT');
  assert.deepEqual([record.udpPayloadSize, record.flag_do], [1400, true]);
});
