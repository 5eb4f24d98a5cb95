/** What the directives log, errors and loop print, and where. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp } from './support/client.ts';
import { FLAGS } from './support/message.ts';
import { launchNodens, type Nodens, startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream
    .on('www.example.org', undefined, answer('www.example.org 60 A 192.0.2.1'))
    .on('broken.example.org', undefined, reply({ rcode: 'SERVFAIL' }))
    .on('refused.example.org', undefined, reply({ rcode: 'REFUSED' }));
});
after(() => upstream.stop());

/** Starts nodens with these lines in its block, asks, stops it, and gives the lines it has printed at INFO and above. */
async function linesOf(directives: string, ask: (nodens: Nodens) => Promise<unknown>): Promise<string[]> {
  const nodens = await startNodens({
    corefile: `.:{PORT} {\n bind 127.0.0.1\n ${directives}\n}\n`,
    flags: ['-quiet'],
  });
  await ask(nodens);
  await nodens.stop();
  assert.equal(nodens.stderr(), '');
  const lines = nodens.stdout().trimEnd().split('\n');
  return lines.filter((line) => line.startsWith('[') && !line.includes('SIGTERM'));
}

describe('log', { concurrency: 8 }, () => {
  test('one line for each query', async () => {
    const lines = await linesOf(`log\n forward . ${upstream.endpoint}`, async (nodens) => {
      await askUdp(nodens, { qname: 'WWW.example.org', id: 4660 });
      await askTcp(nodens, {
        qname: 'nowhere.example.org',
        qtype: 'AAAA',
        id: 7,
        edns: { udpPayloadBytes: 1400, flags: 0x8000 },
      });
    });
    assert.match(
      lines[0],
      /^\[INFO\] 127\.0\.0\.1:\d+ - 4660 "A IN www\.example\.org\. udp 33 false 512" NOERROR qr,rd,ra \d+ \d+\.\d+s$/,
    );
    assert.match(
      lines[1],
      /^\[INFO\] 127\.0\.0\.1:\d+ - 7 "AAAA IN nowhere\.example\.org\. tcp 48 true 65535" NXDOMAIN qr,rd,ra \d+ \d+\.\d+s$/,
    );
    assert.equal(lines.length, 2);
  });

  test('formats', async () => {
    const format =
      '{type} {class} {name} {proto} {remote} {local} {>id} {>opcode} {>do} {>bufsize} {rcode} {>rflags} {x} {/forward/upstream}';
    const lines = await linesOf(`log . "${format}"\n forward . ${upstream.endpoint}`, (nodens) =>
      askUdp(nodens, { qname: 'www.example.org', id: 7, flags: FLAGS.CD }),
    );
    const { endpoint } = upstream;
    const want = `A IN www.example.org. udp 127.0.0.1 127.0.0.1 7 0 false 512 NOERROR qr,ra {x} ${endpoint}`;
    assert.deepEqual(lines, [`[INFO] ${want}`]);
  });

  test('the first rule that holds the name decides, also when its classes say no', async () => {
    const rules = `
 log www.example.org "first {name}" {
  class denial
 }
 log example.org "second {name}"
 log example.com other.example.net "third {name} {rcode}" {
  class error denial
 }
 forward . ${upstream.endpoint}`;
    const names = ['www.example.org', 'nowhere.www.example.org', 'a.example.org', 'a.example.com', 'example.net'];
    const lines = await linesOf(rules, async (nodens) => {
      for (const qname of names) await askUdp(nodens, { qname });
    });
    assert.deepEqual(lines, [
      '[INFO] first nowhere.www.example.org.',
      '[INFO] second a.example.org.',
      '[INFO] third a.example.com. NXDOMAIN',
    ]);
  });

  test('classes', async () => {
    const classes = (names: string) => `log . "{name} {rcode}" {\n class ${names}\n }\n forward . ${upstream.endpoint}`;
    const ask = async (nodens: Nodens) => {
      for (const name of ['www', 'nowhere', 'broken', 'refused'])
        await askUdp(nodens, { qname: `${name}.example.org` });
    };
    const lines = {
      success: ['www.example.org. NOERROR'],
      denial: ['nowhere.example.org. NXDOMAIN'],
      error: ['broken.example.org. SERVFAIL', 'refused.example.org. REFUSED'],
    };
    for (const [name, want] of Object.entries(lines)) {
      assert.deepEqual(
        await linesOf(classes(name), ask),
        want.map((line) => `[INFO] ${line}`),
      );
    }
    assert.equal((await linesOf(classes('all'), ask)).length, 4);
  });
});

describe('errors', { concurrency: 8 }, () => {
  test('says why a query failed', async () => {
    const closed = await freePort();
    const lines = await linesOf(`errors\n forward . 127.0.0.1:${closed}`, (nodens) =>
      askUdp(nodens, { qname: 'WWW.example.org' }),
    );
    assert.match(lines[0], /^\[ERROR\] plugin\/errors: 2 (www|WWW)\.example\.org\. A: .*refused/);
    assert.equal(lines.length, 1);
  });

  test('is silent about failures that an upstream has answered', async () => {
    const lines = await linesOf(`errors\n forward . ${upstream.endpoint}`, (nodens) =>
      askUdp(nodens, { qname: 'broken.example.org' }),
    );
    assert.deepEqual(lines, []);
  });

  test('consolidate: counted, and told at the end', async () => {
    const closed = await freePort();
    const options = `errors {\n consolidate 5m "refused$" warning\n }\n forward . 127.0.0.1:${closed}`;
    const lines = await linesOf(options, async (nodens) => {
      for (const qname of ['a', 'b', 'c']) await askUdp(nodens, { qname });
    });
    assert.equal(lines.length, 1);
    assert.match(lines[0], /^\[WARNING\] plugin\/errors: 3 errors like 'refused\$' occurred in last 5m0s$/);
  });

  test('without it nothing is said', async () => {
    const closed = await freePort();
    assert.deepEqual(await linesOf(`forward . 127.0.0.1:${closed}`, (nodens) => askUdp(nodens, { qname: 'a' })), []);
  });
});

describe('loop', () => {
  test('ends a process that forwards to itself, with the reason', async () => {
    const port = await freePort();
    const corefile = `.:{PORT} {\n bind 127.0.0.1\n loop\n forward . 127.0.0.1:{PORT}\n}\n`;
    const nodens = await launchNodens({ corefile, ports: { PORT: port } });
    assert.equal((await nodens.untilExit()).code, 1);
    assert.match(
      nodens.stdout() + nodens.stderr(),
      /\[FATAL\] plugin\/loop: Loop \(127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+\) detected for zone "\.", see https:\S+\. Query: "HINFO \d+\.\d+\."/,
    );
  });

  test('leaves others alone', async () => {
    const nodens = await startNodens({
      corefile: `.:{PORT} {\n bind 127.0.0.1\n loop\n forward . ${upstream.endpoint}\n}`,
    });
    assert.equal((await askUdp(nodens, { qname: 'www.example.org' })).rcode, 'NOERROR');
    assert.equal((await nodens.stop()).code, 0);
  });
});
