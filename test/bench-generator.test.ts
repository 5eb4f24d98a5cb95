import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { buildPrograms, type Programs } from '../bench/build.ts';
import { type Count, type Generator, makeGenerator, untilItServes, ZONE } from '../bench/generator.ts';
import { answer, drop, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { type Child, spawnChild } from './support/child.ts';
import { askUdp, type Server } from './support/client.ts';
import { freePort } from './support/ports.ts';
import { missing } from './support/programs.ts';

const skip = missing('gcc');
const SECONDS = 0.3;
/** For an answer, on a busy machine. */
const PATIENCE_MS = 2_000;
const stream = { prefix: 'hit', count: 100, window: 32 };

let programs: Programs;
let generator: Generator;
let echo: Child;
let server: Server;

before(async () => {
  if (skip) return;
  programs = await buildPrograms();
  generator = makeGenerator(programs.generator, []);
  server = { address: '127.0.0.1', port: await freePort() };
  echo = spawnChild([programs.echo, String(server.port), server.address], { cwd: '/' });
  await untilItServes(generator, server);
});
after(() => echo?.stop());

test('the echo answers with the question and an address', { skip }, async () => {
  const response = await askUdp(server, { qname: 'Www.example.org', id: 7 });
  assert.deepEqual([response.id, response.rcode, response.ra], [7, 'NOERROR', true]);
  assert.equal(response.question, 'Www.example.org A IN');
  assert.deepEqual(response.answers, ['Www.example.org 3600 A 192.0.2.2']);
});

test('what the generator counts adds up', { skip }, async () => {
  for (const spin of [false, true]) {
    const [count] = await generator(server, { seconds: SECONDS, spin, timeoutMs: PATIENCE_MS, stream });
    assert.ok(count.answered > 100, `${count.answered} answers`);
    assert.equal(count.sent, count.answered + count.lost);
    assert.deepEqual([count.lost, count.unexpected, count.refused], [0, 0, 0]);
    assert.ok(count.seconds > SECONDS / 10, `${count.seconds} s`);
    assert.ok(Math.abs(count.answersPerSecond / (count.answered / count.seconds) - 1) < 0.01);
    const { p50Us, p99Us, maxUs } = count;
    assert.ok(p50Us > 0 && p50Us <= p99Us && p99Us <= maxUs * 1.01, `${p50Us} ${p99Us} ${maxUs}`);
  }
});

test('a rate is kept, and each name asked once, beside a stream without bounds', { skip }, async () => {
  const paced = { prefix: 'hit', count: 100, window: 32, rate: 1000 };
  const once = { prefix: 'new', count: 50, once: true, window: 10 };
  const options = { seconds: 1, spin: true, timeoutMs: PATIENCE_MS, stream: paced, background: once };
  const [ofPaced, ofOnce] = await generator(server, options);
  // On a busy machine the end is seen late.
  const mostOfPaced = 1000 * Math.max(options.seconds, ofPaced.seconds) + 1;
  assert.ok(ofPaced.sent > 0 && ofPaced.sent <= mostOfPaced, `${ofPaced.sent} sent in ${ofPaced.seconds} s`);
  assert.deepEqual([ofOnce.sent, ofOnce.answered, ofOnce.exhausted], [50, 50, true]);
});

test('the generator sends plain queries for its names', { skip }, async () => {
  const { received } = await loadScripted(answer(`hit-0.${ZONE} 60 A 192.0.2.1`), 3);
  const names = received.map(({ qname, qtype, flags }) => `${qname} ${qtype} ${flags.toString(16)}`);
  assert.deepEqual(
    names.sort(),
    [0, 1, 2].map((number) => `hit-${number}.${ZONE} A 100`),
  );
});

const FAULTS = [
  { name: 'silence is loss', behaviour: drop, want: { answered: 0, lost: 5, unexpected: 0 } },
  { name: 'NXDOMAIN', behaviour: reply({ rcode: 'NXDOMAIN' }), want: { answered: 5, lost: 0, unexpected: 5 } },
  { name: 'no record', behaviour: reply({}), want: { answered: 5, lost: 0, unexpected: 5 } },
];
for (const { name, behaviour, want } of FAULTS) {
  test(`the generator sees what is no good answer: ${name}`, { skip }, async () => {
    const { count } = await loadScripted(behaviour, 5);
    const { answered, lost, unexpected } = count;
    assert.deepEqual({ answered, lost, unexpected }, want);
  });
}

test('the generator is an upstream as well, while it runs', { skip }, async () => {
  const port = await freePort();
  const own = { address: '127.0.0.1', port };
  const [count] = await makeGenerator(programs.generator, [], port)(own, { seconds: SECONDS, spin: false, stream });
  assert.ok(count.answered > 0);
  assert.deepEqual([count.lost, count.unexpected], [0, 0]);
});

/** Asks a scripted upstream for so many names, each once. */
async function loadScripted(behaviour: Parameters<ScriptedUpstream['otherwise']>[0], count: number) {
  const upstream = await ScriptedUpstream.start();
  upstream.otherwise(behaviour);
  const names = { prefix: 'hit', count, once: true, window: 2 * count };
  const [result]: Count[] = await generator(upstream, {
    seconds: 1,
    spin: false,
    timeoutMs: PATIENCE_MS,
    stream: names,
  });
  await upstream.stop();
  return { count: result, received: upstream.received };
}
