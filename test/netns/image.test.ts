/** The image, built without Docker, in a container as the kubelet has it made: read-only, its rights as in the manifests. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { type Child, makeTemporaryDirectory, run } from '../support/child.ts';
import { type DaemonSet, layOut } from '../support/manifests.ts';
import { missing } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';
import { Cluster, clusterUnavailable } from './cluster.ts';
import { WHOAMI } from './dns-pod.ts';
import type { Host } from './host.ts';
import { overlayOf, servicesOf } from './overlay.ts';

const skip = clusterUnavailable('nftables') || missing('chroot', 'dpkg-query', 'setcap', 'setpriv', 'tar');
const checkout = resolve(import.meta.dirname, '../..');
const LINK_LOCAL = '169.254.20.10';
const SERVES = /^nodens-\d/m;
const BUILD_TIMEOUT_MS = 150_000;

const dockerfile = readFileSync(join(checkout, 'deploy/image/Dockerfile'), 'utf8');
const entrypoint: string[] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '[]');
const environment = Object.fromEntries(
  (/^ENV (.*)$/m.exec(dockerfile)?.[1] ?? '').split(' ').map((pair) => pair.split('=')),
);

test('the Dockerfile starts nodens as bin/nodens does, on the same Node', () => {
  const script = readFileSync(join(checkout, 'bin/nodens'), 'utf8');
  const [, flags = ''] = /^exec "\$node" (.*?) "\$main"/ms.exec(script) ?? [];
  assert.deepEqual(entrypoint.slice(1, -1), flags.replaceAll('\\\n', '').split(/\s+/));
  const { version, devDependencies } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
  assert.ok(dockerfile.includes(`FROM node:${devDependencies.node}-`));
  assert.ok(dockerfile.includes(`nodens:${version}`));
  const [, arenas] = /MALLOC_ARENA_MAX:-(\d+)/.exec(script) ?? [];
  assert.equal(environment.MALLOC_ARENA_MAX, arenas);
  assert.equal(
    /^USER (\d+)/m.exec(dockerfile)?.[1],
    String(overlayOf('standard').sets[0].pod.securityContext.runAsUser),
  );
});

type Container = Child & {
  /** Runs a program of the image beside the server, as `kubectl exec` does. */
  exec(argv: readonly string[]): Child;
};

type Rights = { readonly user: number; readonly capabilities: readonly string[] };

type Running = Rights & {
  readonly name: string;
  readonly overlay: string;
  readonly args?: readonly string[];
  readonly log: RegExp;
};

describe('the image', { skip }, () => {
  let image: string;
  before(
    async () => {
      image = join(makeTemporaryDirectory('image'), 'root');
      await run([process.execPath, join(checkout, 'deploy/image/build.ts'), image], { cwd: checkout });
    },
    { timeout: BUILD_TIMEOUT_MS },
  );

  test('has no shell, and trusts the authorities of Debian', () => {
    for (const shell of ['sh', 'bash', 'dash']) assert.equal(existsSync(join(image, 'bin', shell)), false, shell);
    assert.match(readFileSync(join(image, 'etc/ssl/cert.pem'), 'utf8'), /^-----BEGIN CERTIFICATE-----\n/);
  });

  const cases: readonly Running[] = [
    {
      name: 'user 65532, standard: nftables',
      overlay: 'standard',
      user: 65532,
      capabilities: ['net_admin', 'net_bind_service'],
      log: /backend nftables: /,
    },
    {
      name: 'user 65532, standard: iptables',
      overlay: 'standard',
      args: ['-backend=iptables'],
      user: 65532,
      capabilities: ['net_admin', 'net_bind_service'],
      log: /backend iptables: /,
    },
    {
      name: 'root, as in a manifest of node-cache',
      overlay: 'standard',
      user: 0,
      capabilities: ['net_admin', 'net_bind_service'],
      log: /backend nftables: /,
    },
    {
      name: 'user 65532, cilium: ports alone',
      overlay: 'cilium',
      user: 65532,
      capabilities: ['net_bind_service'],
      log: SERVES,
    },
  ];
  for (const running of cases) {
    test(`${running.name}: pods are answered, and the doctor has no error`, async (t) => {
      const { cluster, set, container, args } = await start(t, image, running);
      const { node, pods, serviceAddress } = cluster;
      const holds = set.pod.hostNetwork === true;
      for (const address of holds ? [LINK_LOCAL, serviceAddress] : [node.addresses[4]]) {
        assert.match((await cluster.dig(pods[0], [`@${address}`, WHOAMI, 'TXT'])).answer.join(), /"dns-\d"/);
      }
      assert.match(container.stdout(), running.log);
      assert.doesNotMatch(container.stdout() + container.stderr(), /ERROR|WARNING|memory/);
      const status = readFileSync(`/proc/${container.pid}/status`, 'utf8');
      assert.match(status, new RegExp(`^Uid:\t${running.user}\t`, 'm'));
      assert.match(status, /^NoNewPrivs:\t1$/m);
      const bits = { net_bind_service: 1n << 10n, net_admin: 1n << 12n };
      const wanted = Object.entries(bits).filter(([name]) => running.capabilities.includes(name));
      assert.equal(
        BigInt(`0x${/^CapEff:\t(\w+)$/m.exec(status)?.[1]}`),
        wanted.reduce((sum, [, bit]) => sum | bit, 0n),
      );
      assert.match(readFileSync(`/proc/${container.pid}/mountinfo`, 'utf8'), / \S+ \/ ro,/);

      const doctor = container.exec(['/usr/local/bin/nodens', 'doctor', ...args]);
      const { code } = await doctor.untilExit();
      assert.equal(code, 0, doctor.stdout() + doctor.stderr());
      assert.match(doctor.stdout(), /^OK +capabilities: all that the configuration needs$/m);

      assert.equal((await container.stop()).code, 0);
      assert.deepEqual(await node.exec(['ip', '-o', 'address', 'show', 'to', LINK_LOCAL]), '');
    });
  }
});

async function start(t: TestContext, image: string, { overlay, args: more = [], ...rights }: Running) {
  const cluster = await Cluster.create(t, { proxy: 'nftables' });
  const { node } = cluster;
  const {
    manifests,
    sets: [set],
  } = overlayOf(overlay);
  const laid = layOut(set, manifests, { services: servicesOf(cluster) });
  const args = [...laid.args.map((arg) => arg.replace(laid.root, '')), ...more];
  const root = await rootOf(image, set, node);
  const mounts = set.container.volumeMounts.map(({ mountPath, readOnly }) =>
    readOnly
      ? `mount --bind '${laid.root}${mountPath}' '${root}${mountPath}'`
      : `mount -t tmpfs -o mode=1777,size=4m tmpfs '${root}${mountPath}'`,
  );
  const script = [
    'set -e',
    `mount --bind '${root}' '${root}'`,
    ...['dev', 'proc', 'sys'].map((name) => `mount --rbind /${name} '${root}/${name}'`),
    ...mounts,
    `mount -o remount,bind,ro '${root}'`,
    'exec "$@"',
  ].join('\n');
  const env = Object.entries({ ...environment, ...laid.env }).map(([name, value]) => `${name}=${value}`);
  const inside = (argv: readonly string[]) => [...confine(rights, root), ...argv];
  const launch = ['env', '-i', ...env];
  const child = node.spawn(['unshare', '-m', 'sh', '-c', script, 'sh', ...launch, ...inside([...entrypoint, ...args])]);
  t.after(() => child.stop('SIGKILL'));
  await eventually('the image to serve', () => {
    if (!child.running) throw new Error(`it has ended: ${child.stdout()}${child.stderr()}`);
    return SERVES.test(child.stdout());
  });
  const enter = ['nsenter', `--mount=/proc/${child.pid}/ns/mnt`];
  const container: Container = {
    ...child,
    exec: (argv) => node.spawn([...enter, ...launch, ...inside(argv)]),
  };
  return { cluster, set, container, args };
}

/** A copy of the image, by hard links, with what a container runtime adds to it. */
async function rootOf(image: string, { container }: DaemonSet, node: Host): Promise<string> {
  // On the same file system, or there are no hard links.
  const root = join(makeTemporaryDirectory('image'), 'root');
  await run(['cp', '-al', image, root], { cwd: '/' });
  for (const { mountPath } of container.volumeMounts) mkdirSync(join(root, mountPath), { recursive: true });
  writeFileSync(join(root, 'etc/resolv.conf'), readFileSync(join(node.directory, 'resolv.conf')));
  return root;
}

/**
 * As runc does it: the user changes and the capabilities stay, there is no way to more (no_new_privs), and then the program is
 * executed. What chroot itself needs besides is left by then: the program's file does not have it.
 */
function confine({ user, capabilities }: Rights, root: string): string[] {
  // Root gets all of the bounding set, and nodens gives it up as far as it may.
  const ofChroot = ['sys_chroot', 'setuid', 'setgid', ...(user === 0 ? ['setpcap'] : [])];
  const bounding = [...ofChroot, ...capabilities].map((name) => `+${name}`).join(',');
  const kept = ['--securebits=+no_setuid_fixup', '--no-new-privs', `--bounding-set=-all,${bounding}`];
  return ['/usr/bin/setpriv', ...kept, '--', '/usr/sbin/chroot', `--userspec=${user}:${user}`, '--groups=', root];
}
