/** The directive `rewrite` as clients, upstreams and logs see it, among the directives above and below it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server } from './support/client.ts';
import { readResponse } from './support/message.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';

const NSID = 3;
const LOCAL = 0xffee;

let upstream: ScriptedUpstream;
let other: ScriptedUpstream;
let nodens: Nodens;
/** With a cache, and without. */
let cached: Server;
let plain: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  other = await ScriptedUpstream.start();
  const dead = `127.0.0.1:${await freePort('127.0.0.1')}`;
  nodens = await startNodens({
    // Written in an order that is not the one in which queries meet them.
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    forward . ${upstream.endpoint}
    rewrite continue ttl suffix .apps.example 200-300
    rewrite continue cname old.example.net new.elsewhere.example
    rewrite continue cname back.example.net alias.apps.example
    rewrite name suffix .apps.example .svc.cluster.example answer auto
    rewrite name regex ^bad\\.(.*)$ bad..{1}
    rewrite rcode regex ^gone\\. NXDOMAIN NOERROR
    cache
    log
    errors
}
elsewhere.example:{PORT} {
    bind 127.0.0.1
    forward . ${other.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    rewrite continue edns0 local set ${LOCAL} {client_ip}
    rewrite continue edns0 subnet set 8 0
    rewrite type ANY HINFO
    forward . ${upstream.endpoint}
}
dead.example:{PORT} {
    bind 127.0.0.1
    rewrite name suffix .dead.example .example.org
    forward . ${dead}
    log
    errors
}
local.example:{PORT2} {
    bind 127.0.0.1
    rewrite edns0 local set ${LOCAL} abc
    whoami
}
`,
  });
  [cached, plain] = [nodens, { address: nodens.address, port: nodens.ports.PORT2 }];
});
after(async () => {
  await nodens?.stop();
  await Promise.all([upstream?.stop(), other?.stop()]);
});

describe('rewrite', { concurrency: 8 }, () => {
  for (const ask of [askUdp, askTcp]) {
    test(`the upstream is asked for another name, the client sees its own (${ask.name})`, async () => {
      const label = ask.name.toLowerCase();
      const name = `${label}.svc.cluster.example`;
      upstream.on(name, 'A', answer(`${name} 250 CNAME x.${name}`, `x.${name} 5 A 192.0.2.1`));
      const response = await ask(cached, { qname: `${label}.Apps.example` });
      assert.equal(response.question, `${label}.Apps.example A IN`);
      assert.deepEqual(response.answers, [
        `${label}.apps.example 200 CNAME x.${label}.apps.example`,
        `x.${label}.apps.example 200 A 192.0.2.1`,
      ]);
    });
  }

  test('the cache stands above: it keeps what the rules have made, by the name that was asked for', async () => {
    upstream.on('kept.svc.cluster.example', 'A', answer('kept.svc.cluster.example 1 A 192.0.2.1'));
    const first = await askUdp(cached, { qname: 'kept.apps.example' });
    const second = await askUdp(cached, { qname: 'kept.apps.example' });
    assert.deepEqual([first.aa, second.aa], [false, true], 'a miss and a hit');
    for (const { answers, ttls } of [first, second]) {
      assert.equal(answers[0].split(' ')[0], 'kept.apps.example');
      assert.ok(ttls[0] > 190, 'not the second that the upstream has said');
    }
    assert.equal(upstream.queries('kept.svc.cluster.example'), 1);
    await askUdp(cached, { qname: 'kept.svc.cluster.example' });
    assert.equal(upstream.queries('kept.svc.cluster.example'), 2, 'which is another name');
  });

  test('an alias leads elsewhere: looked up in the whole server', async () => {
    const alias = 'alias.svc.cluster.example';
    upstream.on(alias, 'A', answer(`${alias} 60 CNAME old.example.net`, 'old.example.net 60 A 192.0.2.1'));
    other.on('new.elsewhere.example', 'A', answer('new.elsewhere.example 250 A 198.51.100.1'));
    const { answers } = await askUdp(cached, { qname: 'alias.apps.example' });
    assert.deepEqual(answers, [
      'alias.apps.example 200 CNAME new.elsewhere.example',
      'new.elsewhere.example 200 A 198.51.100.1',
    ]);
  });

  test('an alias that leads back to the name asked for ends', async () => {
    const name = 'circle.svc.cluster.example';
    upstream.on('alias.svc.cluster.example', 'AAAA', answer('alias.svc.cluster.example 60 CNAME back.example.net'));
    upstream.on(name, 'AAAA', answer(`${name} 60 CNAME back.example.net`));
    const { rcode } = await askUdp(cached, { qname: 'circle.apps.example', qtype: 'AAAA' });
    assert.equal(rcode, 'NOERROR');
    const self = await askUdp(cached, { qname: 'alias.apps.example', qtype: 'AAAA' });
    assert.equal(self.rcode, 'NOERROR');
  });

  test('log and errors see the name that the client asked for', async () => {
    const { rcode, question } = await askUdp(cached, { qname: 'www.dead.example' });
    assert.deepEqual([rcode, question], ['SERVFAIL', 'www.dead.example A IN']);
    await nodens.untilOutput(/\[ERROR\] plugin\/errors: 2 www\.dead\.example\. A: /);
    await nodens.untilOutput(/\[INFO\] .* "A IN www\.dead\.example\. udp .*" SERVFAIL /);
  });

  test('a name that cannot be is SERVFAIL, and an error', async () => {
    assert.equal((await askUdp(cached, { qname: 'bad.example' })).rcode, 'SERVFAIL');
    await nodens.untilOutput(
      /plugin\/errors: 2 bad\.example\. A: plugin\/rewrite: invalid name after rewrite: bad\.\./,
    );
  });

  test('an rcode', async () => {
    upstream.on('gone.example.org', 'A', reply({ rcode: 'NXDOMAIN' }));
    assert.equal((await askUdp(cached, { qname: 'gone.example.org' })).rcode, 'NOERROR');
  });

  test('a type', async () => {
    upstream.on('any.example.org', 'HINFO', answer());
    const { rcode, question } = await askUdp(plain, { qname: 'any.example.org', qtype: 'ANY' });
    assert.deepEqual([rcode, question], ['NOERROR', 'any.example.org ANY IN']);
    assert.equal(upstream.queries('any.example.org', 'HINFO'), 1);
  });

  test('the upstream gets options, the client no OPT that it has not sent', async () => {
    const { opt } = await askUdp(plain, { qname: 'options.example.org' });
    assert.equal(opt, undefined);
    const query = upstream.received.find(({ qname }) => qname === 'options.example.org');
    assert.deepEqual(readResponse(query?.bytes ?? Buffer.alloc(0)).opt?.options, [
      { code: LOCAL, data: Buffer.from([127, 0, 0, 1]) },
      { code: 8, data: Buffer.from([0, 1, 8, 0, 127]) },
    ]);
  });

  test("a reply of the server's own shows them to clients with OPT", async () => {
    const sent = {
      options: [
        { code: NSID, data: Buffer.alloc(0) },
        { code: LOCAL, data: Buffer.from('x') },
      ],
    };
    const { opt } = await askUdp(plain, { qname: 'local.example', edns: sent });
    assert.deepEqual(opt?.options, [
      { code: NSID, data: Buffer.alloc(0) },
      { code: LOCAL, data: Buffer.from('abc') },
    ]);
    assert.equal((await askUdp(plain, { qname: 'local.example' })).opt, undefined);
  });
});
