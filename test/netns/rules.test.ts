/** Rules on hosts that are not plain: a firewall that drops, a lock that is held, what others have left behind, TCP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMetrics } from '../support/metrics.ts';
import { eventually } from '../support/wait.ts';
import { Cluster, clusterUnavailable } from './cluster.ts';
import { activeRules, heldCluster, holdingCorefile, LINK_LOCAL, leftOn } from './holding.ts';
import { conntrackEntries } from './readers.ts';
import { SERVICE } from './topology.ts';

const CACHED_TTL = 30;

for (const proxy of ['iptables-nft', 'iptables-legacy'] as const) {
  const skip = clusterUnavailable(proxy);

  test(`INPUT drops, ${proxy}: auto takes iptables, says so, and pods are answered`, { skip }, async (t) => {
    const cluster = await Cluster.create(t, { proxy });
    const { node, pods } = cluster;
    // What is the node's own, and answers to it, may come in.
    await node.exec(['iptables', '-A', 'INPUT', '-i', 'lo', '-j', 'ACCEPT']);
    await node.exec(['iptables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'ESTABLISHED', '-j', 'ACCEPT']);
    await node.exec(['iptables', '-P', 'INPUT', 'DROP']);
    const nodens = await cluster.nodens({ corefile: holdingCorefile() });
    assert.match(nodens.stdout(), /backend iptables: chain filter INPUT of iptables \(\w+\) has policy DROP/);
    for (const how of ['+notcp', '+tcp']) {
      const { answer } = await cluster.dig(pods[0], [how, 'a.load.cluster.local', 'A']);
      assert.ok(Number(answer[0]?.split(' ')[1]) <= CACHED_TTL);
    }
    await nodens.stop();
    assert.deepEqual(await leftOn(node), []);
  });

  test(`rules of node-cache and coredns-nodecache, ${proxy}: they go, and failing open works`, { skip }, async (t) => {
    const cluster = await Cluster.create(t, { proxy });
    const { node, pods } = cluster;
    const comment = ['-m', 'comment', '--comment', 'NodeLocal DNS Cache: skip conntrack'];
    for (const more of [comment, []]) {
      const rule = ['PREROUTING', '-p', 'udp', '-d', SERVICE[4], '--dport', '53', '-j', 'NOTRACK', ...more];
      await node.exec(['iptables', '-t', 'raw', '-I', ...rule]);
    }
    const nodens = await cluster.nodens({ corefile: holdingCorefile({ settings: ['lease 1h'] }) });
    const raw = await node.exec(['iptables', '-t', 'raw', '-S']);
    assert.doesNotMatch(raw.replaceAll(/.*-m socket.*/g, ''), /PREROUTING .*NOTRACK|PREROUTING .*--notrack/);
    await nodens.stop('SIGKILL');
    const { answer } = await cluster.dig(pods[0], ['b.load.cluster.local', 'A']);
    assert.ok(Number(answer[0]?.split(' ')[1]) > CACHED_TTL, 'the cluster DNS answers');
  });
}

const legacy = clusterUnavailable('iptables-legacy');

test('the xtables lock is held: it is counted, DNS goes on, and later the rules are there', {
  skip: legacy,
}, async (t) => {
  const cluster = await Cluster.create(t, { proxy: 'iptables-legacy' });
  const { node, pods } = cluster;
  const directives = ['prometheus 127.0.0.1:{METRICS}'];
  const corefile = holdingCorefile({ settings: ['backend iptables'], directives });
  const nodens = await cluster.nodens({ corefile });
  const locker = node.spawn(['flock', '--no-fork', '/run/xtables.lock', 'sleep', '600']);
  t.after(() => locker.stop('SIGKILL'));
  // A deleted link is a reason to look at everything.
  await node.exec(['ip', 'link', 'delete', 'nodecache']);
  await eventually('the lock to be complained of', () => /xtables lock/.test(nodens.stdout()), 60_000);
  const url = `http://127.0.0.1:${nodens.ports.METRICS}/metrics`;
  const text = await node.exec([process.execPath, '-e', `fetch('${url}').then((r) => r.text()).then(console.log)`]);
  const locks = readMetrics(text).value('coredns_nodecache_setup_errors_total', { errortype: 'iptables_lock' });
  assert.ok(
    (locks ?? 0) > 0,
    text
      .split('\n')
      .filter((line) => line.includes('setup_errors'))
      .join('\n'),
  );
  const { status } = await cluster.dig(pods[0], [`@${LINK_LOCAL}`, 'c.load.cluster.local', 'A']);
  assert.equal(status, 'NOERROR');
  await locker.stop('SIGKILL');
  await nodens.stop();
});

test('the backend nftables makes no table of iptables-legacy by looking for rules there', {
  skip: legacy,
}, async (t) => {
  const { cluster, nodens } = await heldCluster(t, { proxy: 'iptables-legacy' }, { settings: ['backend nftables'] });
  // Every packet would go through the hooks of a table that nobody uses.
  assert.doesNotMatch(await cluster.node.exec(['cat', '/proc/net/ip_tables_names']), /^raw$/m);
  await nodens.stop();
});

const nft = clusterUnavailable('nftables');

for (const backend of ['nftables', 'iptables'] as const) {
  test(`TCP, ${backend}: connections are whole from the first packet to the last`, { skip: nft }, async (t) => {
    // The server closes first, and so has the TIME_WAIT.
    const hold = { settings: [`backend ${backend}`], directives: ['timeouts {\n maxtcpqueries 1\n}'] };
    const { cluster, nodens } = await heldCluster(t, { proxy: 'nftables' }, hold);
    const { node, pods } = cluster;
    await node.exec(['conntrack', '-F']);
    // From one port, so that each meets the TIME_WAIT of the one before.
    const outcome = await pods[0].exec([process.execPath, '-e', ASK_FROM_ONE_PORT], { timeoutS: 60 });
    assert.equal(outcome.trim(), 'answered 5');
    const entries = await conntrackEntries(node, ['-p', 'tcp']);
    assert.deepEqual(
      entries.filter((line) => line.includes(' dport=53 ') && line.includes(`dst=${SERVICE[4]}`)),
      [],
    );
    await nodens.stop();
    assert.deepEqual(await activeRules(node), []);
  });
}

const kinds = [
  { proxy: 'nftables', backend: 'nftables' },
  { proxy: 'iptables-nft', backend: 'iptables' },
  { proxy: 'iptables-legacy', backend: 'iptables' },
] as const;

for (const { proxy, backend } of kinds) {
  const title = `IPv6, ${backend} beside ${proxy}: no conntrack entries, and when it is killed the cluster DNS answers`;
  test(title, { skip: clusterUnavailable(proxy) }, async (t) => {
    const hold = { addresses: [SERVICE[6]], settings: [`backend ${backend}`, 'skipteardown'] };
    const { cluster, nodens, start } = await heldCluster(t, { proxy, ipv6: true }, hold);
    const { node, pods } = cluster;
    const ttls = async () => {
      const asked = [];
      for (const how of ['+notcp', '+tcp']) {
        const { answer } = await cluster.dig(pods[0], [`@${SERVICE[6]}`, how, 'e.load.cluster.local', 'A']);
        asked.push(Number(answer[0]?.split(' ')[1]));
      }
      return asked;
    };
    await node.exec(['conntrack', '-F']);
    for (const ttl of await ttls()) assert.ok(ttl <= CACHED_TTL, `${ttl}`);
    const entries = await conntrackEntries(node, ['-f', 'ipv6']);
    assert.deepEqual(
      entries.filter((line) => line.includes(`dst=${SERVICE[6]} `)),
      [],
    );
    await nodens.stop('SIGKILL');
    for (const ttl of await ttls()) assert.ok(ttl > CACHED_TTL, `${ttl}`);
    const again = await start();
    for (const ttl of await ttls()) assert.ok(ttl <= CACHED_TTL, `${ttl}`);
    await again.stop();
  });
}

/** Five connections behind each other from port 40053, each with one query. */
const ASK_FROM_ONE_PORT = `
const net = require('net');
const name = Buffer.concat(['d', 'load', 'cluster', 'local'].map((l) => Buffer.from([l.length, ...Buffer.from(l)])));
const query = Buffer.concat([Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), name, Buffer.from([0, 0, 1, 0, 1])]);
const framed = Buffer.concat([Buffer.from([0, query.length]), query]);
const ask = () => new Promise((resolve, reject) => {
  const socket = net.connect({ host: '${SERVICE[4]}', port: 53, localPort: 40053 });
  let got = 0;
  socket.on('connect', () => socket.write(framed));
  socket.on('data', (chunk) => { got += chunk.length; });
  socket.on('end', () => resolve(got > 12 ? 1 : 0));
  socket.on('error', reject);
});
(async () => {
  let answered = 0;
  for (let i = 0; i < 5; i++) {
    for (let tries = 0; ; tries++) {
      try { answered += await ask(); break; } catch (error) {
        if (error.code !== 'EADDRNOTAVAIL' && error.code !== 'EADDRINUSE' || tries > 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
  console.log('answered ' + answered);
})().catch((error) => console.log(String(error)));
`;
