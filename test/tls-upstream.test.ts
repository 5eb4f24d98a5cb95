/** Upstreams over TLS (RFC 7858): who is trusted under which name, and how connections are used. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AUTHORITY_PROGRAMS, startAuthority } from './peers/authority.ts';
import { answer } from './peers/behaviours.ts';
import { type Certificate, type CertificateAuthority, createAuthority } from './peers/certificates.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { startUnbound } from './peers/unbound.ts';
import { askTcp, askUdp } from './support/client.ts';
import { startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';
import { missing } from './support/programs.ts';

const QNAME = 'www.example.org';
const GOOD = `${QNAME} 60 A 192.0.2.1`;

describe('TLS', { skip: missing('openssl') }, () => {
  let authority: CertificateAuthority;
  let byName: ScriptedUpstream;
  let byAddress: ScriptedUpstream;
  let forClients: ScriptedUpstream;
  let client: Certificate;

  before(async () => {
    authority = await createAuthority();
    client = await authority.issue('DNS:client.example.org');
    const clientsOnly = { ca: authority.cert, requestCert: true };
    byName = await ScriptedUpstream.start({ tls: await authority.issue('DNS:dns.example.org') });
    byAddress = await ScriptedUpstream.start({ tls: await authority.issue('IP:127.0.0.1') });
    forClients = await ScriptedUpstream.start({ tls: { ...(await authority.issue('IP:127.0.0.1')), ...clientsOnly } });
    for (const upstream of [byName, byAddress, forClients]) upstream.on(QNAME, undefined, answer(GOOD));
  });
  after(() => Promise.all([byName, byAddress, forClients].map((upstream) => upstream?.stop())));

  const cases = [
    {
      name: 'a good name',
      to: () => `tls://${byName.endpoint}`,
      options: () => `tls ${ca()}\n tls_servername dns.example.org`,
      want: 'NOERROR',
    },
    {
      name: 'a name of the upstream',
      to: () => `tls://127.0.0.1%dns.example.org:${byName.port}`,
      options: () => `tls ${ca()}`,
      want: 'NOERROR',
    },
    { name: 'a good address', to: () => `tls://${byAddress.endpoint}`, options: () => `tls ${ca()}`, want: 'NOERROR' },
    {
      name: 'another name',
      to: () => `tls://${byName.endpoint}`,
      options: () => `tls ${ca()}\n tls_servername other.example.org`,
      want: 'SERVFAIL',
    },
    {
      name: 'a name where an address is asked for',
      to: () => `tls://${byName.endpoint}`,
      options: () => `tls ${ca()}`,
      want: 'SERVFAIL',
    },
    {
      name: 'an authority that nobody knows',
      to: () => `tls://${byAddress.endpoint}`,
      options: () => '',
      want: 'SERVFAIL',
    },
    {
      name: 'with a certificate of our own',
      to: () => `tls://${forClients.endpoint}`,
      options: () => `tls ${client.certificateFile} ${client.keyFile} ${ca()}`,
      want: 'NOERROR',
    },
    {
      name: 'without the certificate asked for',
      to: () => `tls://${forClients.endpoint}`,
      options: () => `tls ${ca()}`,
      want: 'SERVFAIL',
    },
  ];
  const ca = () => authority.certificateFile;
  for (const { name, to, options, want } of cases) {
    test(name, async () => {
      const nodens = await startNodens({
        corefile: `.:{PORT} {\n bind 127.0.0.1\n forward . ${to()} {\n ${options()}\n max_fails 0\n }\n}`,
      });
      const response = await askUdp(nodens, { qname: QNAME });
      await nodens.stop();
      assert.equal(response.rcode, want);
      if (want === 'NOERROR') assert.deepEqual(response.answers, [GOOD]);
    });
  }

  test('one connection carries the queries of all clients', async () => {
    const before = byAddress.connectionCount;
    const nodens = await startNodens({
      corefile: `.:{PORT} {\n bind 127.0.0.1\n forward . tls://${byAddress.endpoint} {\n tls ${ca()}\n }\n}`,
    });
    for (let i = 0; i < 10; i++) {
      for (const ask of [askUdp, askTcp]) assert.deepEqual((await ask(nodens, { qname: QNAME })).answers, [GOOD]);
    }
    await nodens.stop();
    assert.equal(byAddress.connectionCount - before, 1);
  });

  test('to unbound', { skip: missing(...AUTHORITY_PROGRAMS, 'unbound') }, async () => {
    const zones = await startAuthority();
    const { certificateFile, keyFile } = await authority.issue('DNS:unbound.example.org');
    const tls = { port: await freePort(), key: keyFile, certificate: certificateFile };
    const unbound = await startUnbound({ authority: zones, tls });
    const nodens = await startNodens({
      corefile: `.:{PORT} {
    bind 127.0.0.1
    forward . tls://127.0.0.1:${tls.port} {
        tls ${ca()}
        tls_servername unbound.example.org
    }
}
`,
    });
    const response = await askUdp(nodens, { qname: 'alias.example.org', edns: { udpPayloadBytes: 1232 } });
    assert.equal(response.answers.at(-1), 'www.example.org 300 A 192.0.2.80');
    for (const server of [nodens, unbound, zones]) await server.stop();
  });
});
