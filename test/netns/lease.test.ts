/** The lease: what dies or hangs loses the node, what somebody else removes comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/wait.ts';
import { clusterUnavailable, type Place } from './cluster.ts';
import { activeRules, addressesOn, heldCluster, INTERFACE, LINK_LOCAL, leftOn, untilNothingHeld } from './holding.ts';
import { ipLink } from './readers.ts';
import { SERVICE } from './topology.ts';

const skip = clusterUnavailable('nftables');
const LEASE_S = 3;
const settings = ['backend nftables', `lease ${LEASE_S}s`];
/** Who has answered: the wildcard's TTL of 600 s is cut by the cache, the DNS pods give it whole. */
const CACHED_TTL = 30;

test('addresses and rules have lifetimes no longer than the lease, and are renewed', { skip }, async (t) => {
  const { cluster, nodens } = await heldCluster(
    t,
    { proxy: 'nftables', ipv6: true },
    {
      settings,
      addresses: [LINK_LOCAL, SERVICE[4], SERVICE[6]],
    },
  );
  const { node } = cluster;
  const link = await ipLink(node, INTERFACE);
  assert.match(link?.linkinfo?.info_kind ?? '', /^(dummy|bridge)$/);
  const addresses = link?.addr_info.filter(({ local }) => !local.startsWith('fe80:')) ?? [];
  assert.deepEqual(addresses.map(({ local }) => local).sort(), [SERVICE[4], LINK_LOCAL, SERVICE[6]].sort());
  assert.deepEqual(addresses.map(({ prefixlen }) => prefixlen).sort(), [128, 32, 32].sort());
  for (const { local, valid_life_time } of addresses) {
    assert.ok(valid_life_time <= LEASE_S, `${local} lives ${valid_life_time} s`);
  }
  const elements = (await activeRules(node)).join(' ');
  for (const address of [LINK_LOCAL, SERVICE[4], SERVICE[6]]) assert.ok(elements.includes(address), elements);
  assert.match(elements, /expires/);
  // Beyond the first lease.
  const since = performance.now();
  await eventually('two leases to pass', () => performance.now() - since > 2 * LEASE_S * 1000, 30_000);
  assert.equal((await addressesOn(node)).filter((address) => address === LINK_LOCAL).length, 1);
  assert.equal(await ttlSeen(cluster, cluster.serviceAddress), CACHED_TTL);
  assert.equal(await ttlSeen(cluster, cluster.serviceAddress6), CACHED_TTL);
  await nodens.stop();
  assert.deepEqual(await leftOn(node), []);
});

test('SIGKILL: after the lease nothing acts on the node, and the next start takes it over', { skip }, async (t) => {
  const { cluster, nodens, start } = await heldCluster(t, { proxy: 'nftables' }, { settings });
  await nodens.stop('SIGKILL');
  assert.notEqual(await ttlSeen(cluster, cluster.serviceAddress), CACHED_TTL, 'the cluster DNS answers at once');
  await untilNothingHeld(cluster.node);
  const again = await start();
  assert.ok((await ttlSeen(cluster, cluster.serviceAddress)) <= CACHED_TTL);
  await again.stop();
  assert.deepEqual(await leftOn(cluster.node), []);
});

test('SIGSTOP: it loses the node, and continued takes it back', { skip }, async (t) => {
  const { cluster, nodens } = await heldCluster(t, { proxy: 'nftables' }, { settings });
  nodens.kill('SIGSTOP');
  await untilNothingHeld(cluster.node);
  assert.ok((await ttlSeen(cluster, cluster.serviceAddress)) > CACHED_TTL, 'the cluster DNS answers meanwhile');
  nodens.kill('SIGCONT');
  await eventually('the node to be taken back', async () => (await addressesOn(cluster.node)).includes(LINK_LOCAL));
  await eventually('the cache to answer', async () => (await ttlSeen(cluster, cluster.serviceAddress)) <= CACHED_TTL);
  await nodens.stop();
  assert.deepEqual(await leftOn(cluster.node), []);
});

for (const { name, removed } of [
  { name: 'the link is deleted', removed: ['ip', 'link', 'delete', INTERFACE] },
  { name: 'the link is set down', removed: ['ip', 'link', 'set', INTERFACE, 'down'] },
  { name: 'an address is deleted', removed: ['ip', 'address', 'delete', `${LINK_LOCAL}/32`, 'dev', INTERFACE] },
  { name: 'all addresses are flushed', removed: ['ip', 'address', 'flush', 'dev', INTERFACE] },
  { name: 'the table is deleted', removed: ['nft', 'delete', 'table', 'inet', 'nodens'] },
  { name: 'every ruleset is flushed', removed: ['nft', 'flush', 'ruleset'] },
]) {
  test(`${name}: it comes back at once, long before the next round`, { skip }, async (t) => {
    const hour = ['backend nftables', 'lease 1h'];
    const { cluster, nodens } = await heldCluster(t, { proxy: 'nftables' }, { settings: hour });
    const { node } = cluster;
    const whole = await shape(node);
    await node.exec(removed);
    await eventually('all to be there again', async () => (await shape(node)) === whole, 15_000);
    await nodens.stop();
    assert.deepEqual(await leftOn(node), []);
  });
}

test('no lease: what SIGKILL leaves stays, and the next start goes on with it', { skip }, async (t) => {
  const off = ['backend nftables', 'lease off'];
  const { cluster, nodens, start } = await heldCluster(t, { proxy: 'nftables' }, { settings: off });
  const { node } = cluster;
  await nodens.stop('SIGKILL');
  const link = await ipLink(node, INTERFACE);
  assert.ok(
    link?.addr_info.some(({ local, valid_life_time }) => local === LINK_LOCAL && valid_life_time === 2 ** 32 - 1),
  );
  assert.ok((await ttlSeen(cluster, cluster.serviceAddress)) > CACHED_TTL, 'the cluster DNS answers all the same');
  const again = await start();
  assert.equal((await ipLink(node, INTERFACE))?.ifindex, link?.ifindex, 'the same link');
  assert.ok((await ttlSeen(cluster, cluster.serviceAddress)) <= CACHED_TTL);
  await again.stop();
  assert.deepEqual(await leftOn(node), []);
});

test('skipteardown: all stays at the end', { skip }, async (t) => {
  const { cluster, nodens } = await heldCluster(
    t,
    { proxy: 'nftables' },
    {
      settings: ['backend nftables', 'skipteardown'],
    },
  );
  const held = await shape(cluster.node);
  await nodens.stop();
  assert.equal(await shape(cluster.node), held);
});

for (const { name, signals, code } of [
  { name: 'SIGQUIT', signals: ['SIGQUIT'], code: 0 },
  { name: 'a second SIGINT in the lame-duck time', signals: ['SIGINT', 'SIGINT'], code: 2 },
] as const) {
  test(`${name}: ends at once, with the node given back`, { skip }, async (t) => {
    const settings = ['backend nftables', 'lease off'];
    const directives = ['health 127.0.0.1:{HEALTH} {\n lameduck 60s\n }'];
    const { cluster, nodens } = await heldCluster(t, { proxy: 'nftables' }, { settings, directives });
    assert.notDeepEqual(await leftOn(cluster.node), []);
    for (const [index, signal] of signals.entries()) {
      if (index > 0) await nodens.untilOutput(/lameduck/);
      nodens.kill(signal);
    }
    assert.deepEqual(await nodens.untilExit(), { code, signal: null });
    assert.deepEqual(await leftOn(cluster.node), []);
  });
}

/** The TTL with which a pod gets an answer from that address. */
async function ttlSeen(cluster: Awaited<ReturnType<typeof heldCluster>>['cluster'], address: string): Promise<number> {
  const { answer } = await cluster.dig(cluster.pods[0], [`@${address}`, 'ttl.load.cluster.local', 'A']);
  return Number(answer[0]?.split(' ')[1] ?? Number.NaN);
}

/** What is held, without the times that pass. */
async function shape(node: Place): Promise<string> {
  const link = await ipLink(node, INTERFACE);
  const rules = (await activeRules(node)).map((line) => line.replaceAll(/ (timeout|expires) [\w]+/g, ''));
  const isUp = link?.flags.includes('UP') ?? false;
  return JSON.stringify([
    isUp,
    (await leftOn(node)).filter((line) => /^(link|address)/.test(line)).sort(),
    rules.sort(),
  ]);
}
