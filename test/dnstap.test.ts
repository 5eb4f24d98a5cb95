/** The directive `dnstap`, taken by the collector of Frame Streams' own project and read by BIND's decoder. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { CONTENT_TYPE, controlFrame, dataFrames } from '../src/directives/dnstap/frames.ts';
import { payloadEncoder, type TapMessage } from '../src/directives/dnstap/payload.ts';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory, run, spawnChild } from './support/child.ts';
import { askTcp, askUdp } from './support/client.ts';
import { startNodens } from './support/nodens.ts';
import { findProgram, missing } from './support/programs.ts';
import { eventually } from './support/wait.ts';

const DECODER = 'dnstap-read';
const COLLECTOR = 'fstrm_capture';
const directory = makeTemporaryDirectory('dnstap');

type Decoded = { readonly identity: string; readonly version: string; readonly message: Record<string, unknown> };

/** What the decoder makes of a file of Frame Streams. */
async function decode(file: string): Promise<Decoded[]> {
  const text = await run([findProgram(DECODER) ?? DECODER, '-y', file], { cwd: directory });
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((found) => found !== null);
}

const query = { address: '192.0.2.53', port: 40053 };
const response = { address: '192.0.2.1', port: 53 };
const queryUnixMs = Date.UTC(2026, 10, 27, 16, 0, 1) + 0.25;
const responseUnixMs = queryUnixMs + 1500;
const encodeCases: readonly { message: TapMessage; want: Record<string, unknown> }[] = [
  {
    message: { type: 'clientQuery', protocol: 'udp', query, response, queryUnixMs },
    want: {
      type: 'CLIENT_QUERY',
      socket_family: 'INET',
      socket_protocol: 'UDP',
      query_address: '192.0.2.53',
      query_port: 40053,
      response_address: '192.0.2.1',
      response_port: 53,
      query_time: '2026-11-27T16:00:01.000Z',
    },
  },
  {
    message: {
      type: 'clientResponse',
      protocol: 'tcp',
      query: { address: 'fe80::1%eth0', port: 1 },
      response: { address: '2001:db8::53', port: 65535 },
      queryUnixMs,
      responseUnixMs,
    },
    want: {
      type: 'CLIENT_RESPONSE',
      socket_family: 'INET6',
      socket_protocol: 'TCP',
      query_address: 'fe80::1',
      query_port: 1,
      response_address: '2001:db8::53',
      response_port: 65535,
      response_time: '2026-11-27T16:00:02.000Z',
    },
  },
  {
    message: { type: 'forwarderQuery', protocol: 'udp', response, queryUnixMs },
    want: { type: 'FORWARDER_QUERY', socket_family: 'INET', response_address: '192.0.2.1', response_port: 53 },
  },
  {
    message: { type: 'forwarderResponse', protocol: 'udp', response, queryUnixMs, responseUnixMs },
    want: { type: 'FORWARDER_RESPONSE', response_time: '2026-11-27T16:00:02.000Z' },
  },
];

test('what is encoded is what the decoder reads', { skip: missing(DECODER) }, async () => {
  const encode = payloadEncoder('node-1', 'nodens-test');
  const payloads = encodeCases.map(({ message }) => encode(message, 'some extra'));
  const file = join(directory, 'encoded.tap');
  const frames = [controlFrame('start', CONTENT_TYPE), dataFrames(payloads), controlFrame('stop')];
  writeFileSync(file, Buffer.concat(frames));
  const decoded = await decode(file);
  assert.equal(decoded.length, encodeCases.length);
  for (const [i, { want }] of encodeCases.entries()) {
    const { identity, version, message } = decoded[i];
    assert.deepEqual({ identity, version }, { identity: 'node-1', version: 'nodens-test' });
    const found = Object.keys(want).map((key) => [key, JSON.parse(JSON.stringify(message[key]) ?? 'null')]);
    assert.deepEqual(Object.fromEntries(found), want);
  }
});

/** Of each message what a test can know: its type, transport and question, and whom it concerns. */
function summary({ message }: Decoded): string {
  const { type, socket_protocol: protocol } = message;
  const data = message.query_message_data ?? message.response_message_data;
  const text = JSON.stringify(data);
  const question = /"([^"]+) IN [A-Z]+"/.exec(text)?.[1];
  const status = /"status":"([A-Z]+)"/.exec(text)?.[1];
  return `${type} ${protocol} ${question} ${status}`;
}

test('a collector gets what clients and upstreams ask and answer', { skip: missing(COLLECTOR, DECODER) }, async () => {
  const upstream = await ScriptedUpstream.start();
  after(() => upstream.stop());
  upstream
    .otherwise((exchange) => answer(`${exchange.query.qname} 300 A 192.0.2.1`)(exchange))
    .on('broken.example.org', 'A', reply({ rcode: 'SERVFAIL' }));
  const [socket, file] = [join(directory, 'socket'), join(directory, 'captured.tap')];
  // It comes later than the server, which keeps for it what there is to say.
  const nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    dnstap ${socket} full {
        identity node-1
    }
    cache
    forward . ${upstream.endpoint}
}
`,
  });
  after(() => nodens.stop());
  const wanted: string[] = [];
  const conversation = (kind: 'CLIENT' | 'FORWARDER', protocol: string, qname: string, statuses: readonly string[]) =>
    statuses.map((status, i) => `${kind}_${['QUERY', 'RESPONSE'][i]} ${protocol} ${qname}. ${status}`);
  const both = ['NOERROR', 'NOERROR'];

  await askUdp(nodens, { qname: 'www.example.org' });
  await askUdp(nodens, { qname: 'www.example.org' });
  await askTcp(nodens, { qname: 'tcp.example.org' });
  await askUdp(nodens, { qname: 'broken.example.org' });
  wanted.push(
    ...conversation('CLIENT', 'UDP', 'www.example.org', both),
    ...conversation('FORWARDER', 'UDP', 'www.example.org', both),
    ...conversation('CLIENT', 'UDP', 'www.example.org', both),
    ...conversation('CLIENT', 'TCP', 'tcp.example.org', both),
    ...conversation('FORWARDER', 'TCP', 'tcp.example.org', both),
    ...conversation('CLIENT', 'UDP', 'broken.example.org', ['NOERROR', 'SERVFAIL']),
    ...conversation('FORWARDER', 'UDP', 'broken.example.org', ['NOERROR', 'SERVFAIL']),
  );

  const argv = [findProgram(COLLECTOR) ?? COLLECTOR, '-t', CONTENT_TYPE, '-u', socket, '-w', file];
  const collector = spawnChild(argv, { cwd: directory });
  after(() => collector.stop('SIGKILL'));
  await nodens.untilOutput(/Connected to dnstap endpoint/);
  await nodens.stop(); // Says that this was all.
  // The file is complete when the collector has ended.
  await eventually('the collector to end', async () => (await collector.stop('SIGTERM')).code === 0);
  const decoded = await decode(file);
  assert.deepEqual(decoded.map(summary).sort(), wanted.sort());
  for (const { identity, version } of decoded) {
    assert.equal(identity, 'node-1');
    assert.match(version, /^nodens-\d/);
  }
});
