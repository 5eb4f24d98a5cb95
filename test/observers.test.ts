/** What looks on while a whole server answers: the directive `pprof`. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { answer } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { UdpClient } from './support/client.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

let upstream: ScriptedUpstream;
let nodens: Nodens;

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream.otherwise((exchange) => answer(`${exchange.query.qname} 300 A 192.0.2.1`)(exchange));
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    pprof 127.0.0.1:{HEALTH}
    cache
    forward . ${upstream.endpoint}
}
`,
  });
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

test('pprof: a profile shows what the resolver has done meanwhile', async () => {
  const client = await UdpClient.open(nodens);
  const url = `http://127.0.0.1:${nodens.ports.HEALTH}/debug/pprof/profile?seconds=1`;
  let isTaken = false;
  const taking = fetch(url).finally(() => {
    isTaken = true;
  });
  for (let i = 0; !isTaken; i++) await client.ask({ qname: `name${i}.example.org` });
  client.close();
  const response = await taking;
  assert.equal(response.status, 200);
  const { stringTable, sample } = Profile.decode(gunzipSync(await response.bytes()));
  assert.ok(sample.length > 0);
  assert.ok(
    stringTable.strings.some((text) => /\/udp-listener\.[jt]s$/.test(text)),
    'the file that takes queries',
  );
});
