import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cursor } from '../corefile/cursor.ts';
import type { NodeClaim } from '../directives/contract.ts';
import { type BlockClaim, type NodeFlags, type Plan, planOf } from './plan.ts';

const tokenAt = (line: number) => ({ text: 'nodecache', file: 'Corefile', line });

/** A block that is bound to `addresses`, with its directive on that line. */
function block(line: number, addresses: readonly string[], claim: Partial<NodeClaim> = {}): BlockClaim {
  const token = tokenAt(line);
  const usual = { interfaceName: 'nodecache', backend: 'auto', leaseS: undefined, skipTeardown: false } as const;
  return {
    claim: { ...usual, line: new Cursor({ directive: token, name: token }), ...claim },
    places: addresses.map((address) => ({ address, port: 53, token })),
  };
}

const flags: NodeFlags = {
  addresses: ['169.254.20.10'],
  interfaceName: 'nodelocaldns',
  setUpLink: true,
  setUpRules: true,
  skipTeardown: false,
  healthPort: 8080,
  syncIntervalS: 60,
  backend: 'auto',
  leaseS: undefined,
};
const usual: Partial<Plan> = {
  interfaceName: 'nodecache',
  setUpLink: true,
  backend: 'auto',
  leaseS: 10,
  skipTeardown: false,
  syncIntervalS: 60,
  endpoints: [{ address: '169.254.20.10', port: 53 }],
  healthPorts: [],
};
const ofFlags: Partial<Plan> = {
  ...usual,
  interfaceName: 'nodelocaldns',
  healthPorts: [{ address: '169.254.20.10', port: 8080 }],
};

type Case = {
  readonly name: string;
  readonly claims?: readonly BlockClaim[];
  readonly addresses?: readonly string[];
  readonly http?: readonly { readonly host: string; readonly port: number }[];
  readonly flags?: NodeFlags;
  readonly want?: Partial<Plan> | undefined;
  readonly error?: string;
};
const cases: readonly Case[] = [
  { name: 'nobody wants anything', want: undefined },
  { name: 'one block', claims: [block(3, ['169.254.20.10'])], want: usual },
  {
    name: 'two blocks on one address',
    claims: [block(3, ['169.254.20.10']), block(9, ['169.254.20.10', '10.96.0.10'])],
    want: {
      ...usual,
      endpoints: [
        { address: '169.254.20.10', port: 53 },
        { address: '10.96.0.10', port: 53 },
      ],
    },
  },
  { name: 'loopback is left alone', claims: [block(3, ['127.0.0.1', '169.254.20.10'])], want: usual },
  {
    name: 'what shall stay does not run out',
    claims: [block(3, ['169.254.20.10'], { skipTeardown: true })],
    want: { ...usual, skipTeardown: true, leaseS: undefined },
  },
  {
    name: 'unless a lease is asked for',
    claims: [block(3, ['169.254.20.10'], { skipTeardown: true, leaseS: 60 })],
    want: { ...usual, skipTeardown: true, leaseS: 60 },
  },
  { name: 'no lease', claims: [block(3, ['169.254.20.10'], { leaseS: 'off' })], want: { ...usual, leaseS: undefined } },
  {
    name: 'an interface with an explicit lease and one with the same by default agree',
    claims: [block(3, ['169.254.20.10']), block(9, ['169.254.20.10'], { leaseS: 10 })],
    want: usual,
  },
  {
    name: 'health on a held address',
    claims: [block(3, ['169.254.20.10'])],
    http: [
      { host: '169.254.20.10', port: 8080 },
      { host: '', port: 9253 },
    ],
    want: { ...usual, healthPorts: [{ address: '169.254.20.10', port: 8080 }] },
  },
  {
    name: 'blocks that disagree on the interface',
    claims: [block(3, ['169.254.20.10']), block(9, ['169.254.20.10'], { interfaceName: 'dns0' })],
    error: 'Corefile:9: nodecache: interface dns0 here, but nodecache at Corefile:3; all blocks must agree',
  },
  {
    name: 'blocks that disagree on the teardown',
    claims: [block(3, ['169.254.20.10'], { leaseS: 'off' }), block(9, ['169.254.20.10'], { skipTeardown: true })],
    error: 'Corefile:9: nodecache: skipteardown yes here, but no at Corefile:3; all blocks must agree',
  },
  {
    name: 'blocks that disagree on the lease',
    claims: [block(3, ['169.254.20.10']), block(9, ['169.254.20.10'], { leaseS: 'off' })],
    error: 'Corefile:9: nodecache: lease off here, but 10s at Corefile:3; all blocks must agree',
  },
  {
    name: 'a block without bind',
    claims: [block(3, [''])],
    error: 'Corefile:3: nodecache: the block must name the addresses to hold; add bind ADDRESS to it',
  },
  {
    name: 'loopback alone',
    claims: [block(3, ['127.0.0.1', '::1'])],
    error: 'Corefile:3: nodecache: the block is bound to loopback addresses alone, which need no holding',
  },
  {
    name: 'an address with a scope',
    claims: [block(3, ['fe80::1%eth0'])],
    error: 'Corefile:3: nodecache: "fe80::1%eth0" belongs to a link already; bind another address',
  },
  { name: 'flags', flags, addresses: ['169.254.20.10', '127.0.0.1'], want: ofFlags },
  {
    name: 'flags for rules alone',
    flags: { ...flags, setUpLink: false },
    addresses: ['169.254.20.10'],
    want: { ...ofFlags, setUpLink: false },
  },
  {
    name: 'flags for the interface alone',
    flags: { ...flags, setUpRules: false },
    addresses: ['169.254.20.10'],
    want: { ...ofFlags, backend: 'none' },
  },
  { name: 'flags for nothing', flags: { ...flags, setUpLink: false, setUpRules: false }, want: undefined },
  {
    name: 'flags for an address that nobody listens on',
    flags,
    addresses: ['10.96.0.10'],
    error:
      '-localip 169.254.20.10: no server block listens on that address; ' +
      'add "bind 169.254.20.10" to the server blocks that pods shall reach',
  },
  {
    name: 'flags and a directive',
    flags,
    claims: [block(3, ['169.254.20.10'])],
    error: 'Corefile:3: nodecache: the flags hold the addresses of the node already; remove the directive, or -localip',
  },
];

for (const { name, claims = [], addresses = [], http = [], flags: given, want, error } of cases) {
  test(`plan: ${name}`, () => {
    const places = addresses.map((address) => ({ address, port: 53, token: tokenAt(1) }));
    const plan = () => planOf({ claims, places, http, flags: given });
    if (error !== undefined) assert.throws(plan, { message: error });
    else assert.deepEqual(plan(), want && { ...want, line: claims[0]?.claim.line });
  });
}
