import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cursor } from '../corefile/cursor.ts';
import { FakeClock } from '../directives/testing.ts';
import { missingCapability } from '../sys/capabilities.ts';
import { checkHost } from './host.ts';
import type { Plan } from './plan.ts';
import type { Endpoint } from './rules/rules.ts';
import { FakeLinks } from './testing.ts';

const token = { text: 'nodecache', file: 'Corefile', line: 3 };
const plan: Plan = {
  interfaceName: 'nodecache',
  setUpLink: true,
  backend: 'auto',
  leaseS: 10,
  skipTeardown: false,
  syncIntervalS: 60,
  endpoints: [{ address: '169.254.20.10', port: 53 }],
  healthPorts: [],
  line: new Cursor({ directive: token, name: token }),
};
const six = { ...plan, endpoints: [{ address: 'fd00::a', port: 53 }] };
const byFlags = { ...plan, line: undefined };

type Host = {
  readonly kind?: string;
  readonly ports?: number;
  readonly addresses?: readonly string[];
  readonly leaseS?: number;
  readonly owner?: string;
  readonly ipv6?: boolean;
  readonly powerless?: boolean;
  readonly own?: readonly string[];
  /** Another process listens there. */
  readonly listener?: Endpoint;
};
const cases: readonly { name: string; plan?: Plan; host?: Host; error?: string }[] = [
  { name: 'nothing is there' },
  { name: 'our link is there', host: { kind: 'dummy', addresses: ['169.254.20.10', 'fe80::1'] } },
  { name: 'a bridge stands in', host: { kind: 'bridge' } },
  {
    name: 'an address of ours that a reload gives up',
    host: { kind: 'dummy', addresses: ['192.0.2.1'], own: ['192.0.2.1'] },
  },
  {
    name: 'an address of another instance, by its lease',
    host: { kind: 'dummy', addresses: ['192.0.2.1'], leaseS: 10 },
  },
  {
    name: 'an address of another instance, by its socket',
    host: { kind: 'dummy', addresses: ['192.0.2.1'], listener: { address: '192.0.2.1', port: 53 } },
  },
  {
    name: 'an address where somebody listens at another port',
    host: { kind: 'dummy', addresses: ['192.0.2.1'], listener: { address: '192.0.2.1', port: 80 } },
    error:
      'Corefile:3: nodecache: interface nodecache has 192.0.2.1, which nothing here asks for; bind it too, or remove it: ' +
      'ip address delete 192.0.2.1/32 dev nodecache',
  },
  { name: 'IPv6', plan: six, host: { ipv6: true } },
  {
    name: 'a bridge with ports',
    host: { kind: 'bridge', ports: 2 },
    error:
      'Corefile:3: nodecache: interface nodecache is a bridge with 2 ports, and belongs to somebody else; choose another name',
  },
  {
    name: 'a link of another type',
    host: { kind: 'veth' },
    error:
      'Corefile:3: nodecache: interface nodecache is of type veth, and belongs to somebody else; choose another name',
  },
  {
    name: 'a real device',
    host: { kind: '' },
    error: 'Corefile:3: nodecache: interface nodecache is a device, and belongs to somebody else; choose another name',
  },
  {
    name: 'a foreign address',
    host: { kind: 'dummy', addresses: ['192.0.2.1'] },
    error:
      'Corefile:3: nodecache: interface nodecache has 192.0.2.1, which nothing here asks for; bind it too, or remove it: ' +
      'ip address delete 192.0.2.1/32 dev nodecache',
  },
  {
    name: 'the address is elsewhere',
    host: { owner: 'eth0' },
    error:
      'Corefile:3: nodecache: 169.254.20.10 is on interface eth0 already; bind an address that the host does not have',
  },
  {
    name: 'kube-proxy in ipvs mode has the address',
    host: { owner: 'kube-ipvs0' },
    error:
      'Corefile:3: nodecache: 169.254.20.10 is on interface kube-ipvs0 already: kube-proxy in ipvs mode holds the addresses ' +
      'of services; serve on 169.254.20.10 alone',
  },
  {
    name: 'no IPv6',
    plan: six,
    host: { ipv6: false },
    error:
      'Corefile:3: nodecache: IPv6 is off on this host (/proc/sys/net/ipv6/conf/all/disable_ipv6), so that fd00::a cannot ' +
      'be held; leave it out',
  },
  {
    name: 'no CAP_NET_ADMIN',
    host: { powerless: true },
    error: `Corefile:3: nodecache: ${missingCapability('CAP_NET_ADMIN', 'hold addresses on this host')}`,
  },
  {
    name: 'no CAP_NET_ADMIN, and nothing to do with it',
    plan: { ...byFlags, setUpLink: false, backend: 'none' },
    host: { powerless: true, owner: 'dns0' },
  },
  {
    name: 'flags have no line',
    plan: byFlags,
    host: { kind: 'veth' },
    error: 'interface nodecache is of type veth, and belongs to somebody else; choose another name',
  },
  { name: 'somebody else has set the address up', plan: { ...byFlags, setUpLink: false }, host: { owner: 'dns0' } },
  {
    name: 'nobody has',
    plan: { ...byFlags, setUpLink: false },
    error: '169.254.20.10 is on no interface of this host, and -setupinterface=false leaves that to others',
  },
];

for (const { name, plan: wanted = plan, host = {}, error } of cases) {
  test(`host: ${name}`, () => {
    const links = new FakeLinks([], new FakeClock());
    if (host.kind !== undefined) links.add('nodecache', host.kind, host.addresses, host.leaseS);
    links.ports = host.ports ?? 0;
    if (host.owner !== undefined)
      links.add(
        host.owner,
        'veth',
        wanted.endpoints.map(({ address }) => address),
      );
    const isListener = ({ address, port }: Endpoint) =>
      address === host.listener?.address && port === host.listener.port;
    const view = {
      links,
      hasIpv6: () => host.ipv6 ?? true,
      lacks: () => host.powerless ?? false,
      othersAt: (endpoints: readonly Endpoint[]) => endpoints.filter(isListener),
    };
    const check = () => checkHost(wanted, view, host.own ?? []);
    if (error !== undefined) assert.throws(check, { message: error });
    else assert.doesNotThrow(check);
  });
}
