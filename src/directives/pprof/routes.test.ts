import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { freePort } from '../../sys/testing/free-port.ts';
import { fakeBlock } from '../testing.ts';
import { pprof } from './pprof.ts';

type Context = { after(step: () => unknown): void };

/** An endpoint of its own, and how to ask it. */
async function started(t: Context) {
  const address = { host: '127.0.0.1', port: await freePort() };
  const block = fakeBlock();
  pprof.setup({ address }, block);
  await block.start();
  t.after(() => block.stop());
  const get = (path: string, signal?: AbortSignal) =>
    fetch(`http://127.0.0.1:${address.port}/debug/pprof${path}`, signal === undefined ? {} : { signal });
  return { block, get };
}

test('the index names the profiles that there are', async (t) => {
  const { get } = await started(t);
  for (const path of ['', '/']) {
    const response = await get(path);
    assert.equal(response.status, 200);
    const links = [...(await response.text()).matchAll(/href="([^"]+)"/g)].map(([, link]) => link);
    assert.deepEqual(links, ['/debug/pprof/profile', '/debug/pprof/allocs', '/debug/pprof/heap']);
  }
});

const refusals = [
  { path: '/goroutine', status: 404, text: /"goroutine" is about Go's runtime, .* \/debug\/pprof\/ lists/ },
  { path: '/trace?seconds=5', status: 404, text: /"trace" is about Go's runtime/ },
  { path: '/nothing', status: 404, text: /not found/ },
  { path: '/profile?seconds=0', status: 400, text: /seconds must be 1\.\.300, got "0"/ },
  { path: '/profile?seconds=301', status: 400, text: /got "301"/ },
  { path: '/allocs?seconds=1e3', status: 400, text: /got "1e3"/ },
  { path: '/profile?seconds=1&format=svg', status: 400, text: /format must be pprof or v8, got "svg"/ },
];
test('what is not to be had is answered with a sentence', async (t) => {
  const { get } = await started(t);
  for (const { path, status, text } of refusals) {
    const response = await get(path);
    assert.equal(response.status, status, path);
    assert.match(await response.text(), text);
  }
});

/** Something to be seen: what it allocates stays for a moment, and it gives way to the profiler's timer. */
function busy(): () => void {
  let kept: object[] = [];
  const work = () => {
    kept = Array.from({ length: 20_000 }, (_, i) => ({ i, kept: kept.length }));
  };
  const timer = setInterval(work, 1);
  return () => clearInterval(timer);
}

const unitsOf: readonly [path: string, units: readonly string[]][] = [
  ['/profile', ['samples', 'cpu']],
  ['/allocs', ['alloc_space']],
];
for (const [path, units] of unitsOf) {
  test(`${path} is read by a decoder of pprof, and by DevTools as V8 gives it`, async (t) => {
    const { get } = await started(t);
    t.after(busy());
    const response = await get(`${path}?seconds=1`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('Content-Disposition') ?? '', /\.pb\.gz"$/);
    const profile = Profile.decode(gunzipSync(await response.bytes()));
    assert.deepEqual(
      profile.sampleType.map(({ type }) => profile.stringTable.strings[Number(type)]),
      units,
    );
    assert.ok(profile.sample.length > 0);
    assert.ok(profile.stringTable.strings.includes('work'), 'the function that did the work');

    const raw = JSON.stringify(await (await get(`${path}?seconds=1&format=v8`)).json());
    assert.match(raw, /"functionName":"work"/);
  });
}

/** Asks for two that would take minutes, and gives the one that is being taken; the other one is turned away. */
async function longProfile({ get }: Awaited<ReturnType<typeof started>>) {
  const asked = ['/profile', '/allocs'].map((path) => {
    const leaving = new AbortController();
    return { leaving, answer: get(`${path}?seconds=300`, leaving.signal) };
  });
  const first = await Promise.race(asked.map(({ answer }, i) => answer.then(() => i)));
  const refused = await asked[first].answer;
  assert.equal(refused.status, 503);
  assert.equal(await refused.text(), 'another profile is being taken; try again when it is complete\n');
  return asked[1 - first];
}

test('one is taken at a time; when its client goes, the next may be taken', async (t) => {
  const endpoint = await started(t);
  const { leaving, answer } = await longProfile(endpoint);
  leaving.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  for (let attempts = 1; (await endpoint.get('/profile?seconds=1')).status !== 200; attempts++) {
    assert.ok(attempts < 1000, 'waited in vain');
  }
});

test('a reload ends what is being taken', async (t) => {
  const endpoint = await started(t);
  const { answer } = await longProfile(endpoint);
  const stopped = endpoint.block.stop();
  assert.equal(await (await answer).text(), 'no profile: the configuration has been replaced, or the process ends\n');
  await stopped;
});

test('a heap snapshot is one', async (t) => {
  const { get } = await started(t);
  const response = await get('/heap');
  assert.equal(response.status, 200);
  const { snapshot, nodes } = JSON.parse(await response.text());
  assert.equal(nodes.length, snapshot.node_count * snapshot.meta.node_fields.length);
});
