/** Upstreams from a file in the format of resolv.conf, which has no ports: these tests listen on port 53 of loopback. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { answer } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory } from './support/child.ts';
import { askUdp } from './support/client.ts';
import { startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const QNAME = 'www.example.org';
// Of our own: whoever runs these tests at the same time has taken others.
const network = `127.53.${Math.floor(Math.random() * 256)}`;
const ADDRESSES = [`${network}.1`, `${network}.2`];
const skip = process.getuid?.() === 0 ? false : 'needs root, to listen on port 53';

test('nameserver lines of a file, read again when it changes', { skip }, async () => {
  const upstreams = await Promise.all(ADDRESSES.map((address) => ScriptedUpstream.start({ address, port: 53 })));
  for (const [index, upstream] of upstreams.entries()) upstream.otherwise(answer(`${QNAME} 60 A 192.0.2.${index + 1}`));
  const file = join(makeTemporaryDirectory('resolv'), 'resolv.conf');
  const write = (address: string) => {
    writeFileSync(
      `${file}.new`,
      `# made by the tests\nsearch example.org\nnameserver ${address} trailing\noptions ndots:5\n`,
    );
    renameSync(`${file}.new`, file); // As the programs that manage resolv.conf do it.
  };
  write(ADDRESSES[0]);
  const nodens = await startNodens({ corefile: `.:{PORT} {\n bind 127.0.0.1\n forward . ${file}\n}` });
  const address = async () => (await askUdp(nodens, { qname: QNAME })).answers[0]?.split(' ').at(-1);
  assert.equal(await address(), '192.0.2.1');
  write(ADDRESSES[1]);
  await eventually('the new upstream', async () => (await address()) === '192.0.2.2');
  writeFileSync(file, 'search nothing.example.org\n');
  assert.equal(await address(), '192.0.2.2');
  await nodens.stop();
  await Promise.all(upstreams.map((upstream) => upstream.stop()));
});
