/** Killed or ended under load, on a node of each kind: who answers, and what is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterUnavailable } from './cluster.ts';
import { heldCluster, killed, leftOn, untilNothingHeld } from './holding.ts';
import { conntrackEntries } from './readers.ts';
import { startUdpLoad, type UdpLoadResult } from './udp-load.ts';

/** The issue is about 10,000 a second, which two busy cores may not bear; whoever measures gives his own. */
const RATE = Number(process.env.RATE ?? 1000);
/** Ours look behind those of whoever has the node. */
const SETTLE_MS = 300;
/** Of the accounts of the load. */
const PERIOD_MS = 100;
const SECONDS = 60;

const kinds = [
  { proxy: 'nftables', backend: 'nftables' },
  { proxy: 'iptables-nft', backend: 'nftables' },
  { proxy: 'iptables-nft', backend: 'iptables' },
  { proxy: 'iptables-legacy', backend: 'iptables' },
] as const;

for (const { proxy, backend } of kinds) {
  const skip = clusterUnavailable(proxy);
  const settings = [`backend ${backend}`];

  test(`SIGKILL under load, ${backend} beside ${proxy}: the cluster DNS answers at once`, { skip }, async (t) => {
    const { cluster, nodens, start } = await heldCluster(t, { proxy }, { settings });
    const load = await startUdpLoad(cluster.pods[0], { rate: RATE, seconds: SECONDS });
    await sleep(SETTLE_MS);
    const goneAtMs = await killed(nodens, 'SIGKILL');
    await sleep(SETTLE_MS);
    const again = await start();
    const backAtMs = performance.now();
    await sleep(SETTLE_MS);
    const result = await load.stop();
    await again.stop();
    assert.deepEqual(
      lostAfter(result, goneAtMs),
      [],
      `lost after the end at ${goneAtMs}, back at ${backAtMs}: ${summary(result)}`,
    );
    const between = periodsBetween(result, goneAtMs, goneAtMs + SETTLE_MS - PERIOD_MS);
    assert.ok(
      between.every(({ cached }) => cached === 0),
      'the cluster DNS answers',
    );
    const after = periodsBetween(result, backAtMs, Number.POSITIVE_INFINITY);
    assert.ok(
      after.some(({ cached }) => cached > 0),
      'the cache answers again',
    );
  });

  test(`SIGTERM and a new start under load, ${backend} beside ${proxy}: nothing is lost`, { skip }, async (t) => {
    const { cluster, nodens, start } = await heldCluster(t, { proxy }, { settings });
    const load = await startUdpLoad(cluster.pods[0], { rate: RATE, seconds: SECONDS });
    await sleep(SETTLE_MS);
    const endingAtMs = performance.now();
    await nodens.stop();
    const endedAtMs = performance.now();
    assert.deepEqual(await leftOn(cluster.node), []);
    const startingAtMs = performance.now();
    const again = await start();
    const backAtMs = performance.now();
    await sleep(SETTLE_MS);
    const result = await load.stop();
    await again.stop();
    const steps = `ended from ${endingAtMs} to ${endedAtMs}, started from ${startingAtMs} to ${backAtMs}`;
    const lost = `lost from ${result.lostAtMs[0]} to ${result.lostAtMs.at(-1)}`;
    const counts = [result.lost, result.refused, result.unexpected];
    assert.deepEqual(counts, [0, 0, 0], `${summary(result)}; ${steps}; ${lost}`);
    assert.ok(result.cached > 0);
    await untilNothingHeld(cluster.node);
  });

  test(`${backend} beside ${proxy}: what stays on the node makes no conntrack entry`, { skip }, async (t) => {
    const { cluster, nodens } = await heldCluster(
      t,
      { proxy },
      { settings, directives: ['health 169.254.20.10:8080'] },
    );
    const { node, pods, exec, dig } = cluster;
    await exec(node, ['conntrack', '-F']);
    for (const host of [pods[0], node]) {
      for (const address of ['169.254.20.10', cluster.serviceAddress]) {
        for (const how of ['+notcp', '+tcp']) {
          const answer = await dig(host, [`@${address}`, how, 'name-1.load.cluster.local', 'A']);
          assert.equal(answer.status, 'NOERROR', `${host.name} ${address} ${how}`);
        }
      }
    }
    const entries = async (port: number) =>
      (await conntrackEntries(node)).filter((line) => line.includes(` dport=${port} `));
    const local = (line: string) => line.includes('169.254.20.10') || line.includes(cluster.serviceAddress);
    assert.deepEqual((await entries(53)).filter(local), []);
    const health = await exec(node, [process.execPath, '-e', FETCH_HEALTH]);
    assert.equal(health.trim(), '200');
    assert.deepEqual(await entries(8080), []);
    await nodens.stop();
  });
}

const FETCH_HEALTH = `fetch('http://169.254.20.10:8080/health').then(({ status }) => console.log(status))`;

function lostAfter({ lostAtMs }: UdpLoadResult, goneAtMs: number): number[] {
  return lostAtMs.filter((atMs) => atMs > goneAtMs);
}

function periodsBetween({ periods }: UdpLoadResult, fromMs: number, toMs: number) {
  return periods.filter((period) => period.fromMs > fromMs && period.fromMs < toMs);
}

function summary({ sent, answered, lost, refused, unexpected }: UdpLoadResult): string {
  return `sent ${sent}, answered ${answered}, lost ${lost}, refused ${refused}, unexpected ${unexpected}`;
}
