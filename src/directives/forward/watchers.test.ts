import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../sys/testing/free-port.ts';
import { replyTo, udpServer } from '../../upstream/testing.ts';
import type { UpstreamAttempt } from '../contract.ts';
import { startForward } from './testing.ts';

test('who looks on is told of each attempt, with its answer or why there is none', async (t) => {
  const refusing = await freePort();
  const good = await udpServer(t, ({ query, send }) => send(replyTo(query)));
  const upstreams = `127.0.0.1:${refusing} 127.0.0.1:${good.port}`;
  const { ask, block } = await startForward(t, `forward . ${upstreams} {\n policy sequential\n max_fails 0\n}`);
  const attempts: UpstreamAttempt[] = [];
  block.watchUpstreams((attempt) => attempts.push(attempt));
  const outcome = await ask({ qname: 'www.example.org.' });
  assert.deepEqual(
    attempts.map(({ endpoint, protocol, reply }) => [endpoint.text, protocol, reply?.rcode]),
    [
      [`127.0.0.1:${refusing}`, 'udp', undefined],
      [`127.0.0.1:${good.port}`, 'udp', 0],
    ],
  );
  const [failed, answered] = attempts;
  assert.match(failed.error?.message ?? '', /refused/);
  assert.equal(answered.error, undefined);
  assert.equal(answered.reply, outcome.response);
  assert.equal(answered.query.qname, 'www.example.org.');
  for (const { startedAtMs, endedAtMs } of attempts) assert.ok(endedAtMs >= startedAtMs);
  assert.ok(answered.startedAtMs >= failed.endedAtMs);
});
