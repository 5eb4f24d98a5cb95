/** What the overlay `ha` is for. (monitoring.test.ts runs `standard`, image.test.ts others in the image.) */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster, clusterUnavailable } from './cluster.ts';
import { WHOAMI } from './dns-pod.ts';
import { LINK_LOCAL, leftOn } from './holding.ts';
import { fetchOn, overlayOf, probe, startPod } from './overlay.ts';

const skip = clusterUnavailable('nftables');
const WELL = ['200 OK\n', '200 OK\n', '200 OK\n'];

test('ha: either of the two may be killed or replaced, and the other answers', { skip }, async (t) => {
  const cluster = await Cluster.create(t, { proxy: 'nftables' });
  const overlay = overlayOf('ha');
  const [first, second] = overlay.sets;
  const answered = async () => {
    for (const address of [LINK_LOCAL, cluster.serviceAddress]) {
      assert.match((await cluster.dig(cluster.pods[0], [`@${address}`, WHOAMI, 'TXT'])).answer.join(), /"dns-\d"/);
    }
  };
  // Neither need be the first to start.
  const later = await startPod(cluster, overlay, second);
  await answered();
  const killed = await startPod(cluster, overlay, first);
  assert.deepEqual([await probe(cluster, first), await probe(cluster, second)], [WELL, WELL]);
  for (const port of [9253, 9254, 9353, 9354]) {
    assert.match(await fetchOn(cluster, `http://127.0.0.1:${port}/metrics`), /^nodens_node_address_held\{.*\} 1$/m);
  }
  await answered();

  killed.kill('SIGKILL');
  await killed.untilExit();
  await answered();
  assert.deepEqual(await probe(cluster, second), WELL);

  const replacement = await startPod(cluster, overlay, first);
  assert.equal((await later.stop()).code, 0);
  await answered();
  assert.deepEqual(await probe(cluster, first), WELL);
  assert.equal((await replacement.stop()).code, 0);
  // What let HTTP through to the one that ended before is left to run out with its lease.
  const left = (await leftOn(cluster.node, 'nodelocaldns')).filter((line) => !isOfHttp(line));
  assert.deepEqual(left, []);
});

function isOfHttp(line: string): boolean {
  return line.startsWith('elements ') && !/ \. 53 /.test(line);
}
