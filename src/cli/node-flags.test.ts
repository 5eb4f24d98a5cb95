import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAGS } from './flag-table.ts';
import { parseFlags } from './flags.ts';
import { nodeFlags } from './node-flags.ts';

const usual = {
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
const HOLD = '-localip=169.254.20.10';
const cases = [
  { argv: [], want: undefined },
  { argv: [HOLD], want: usual },
  {
    argv: ['-localip', '169.254.20.10,10.96.0.10,fd00::a,10.96.0.10'],
    want: { ...usual, addresses: ['169.254.20.10', '10.96.0.10', 'fd00::a'] },
  },
  {
    argv: [HOLD, '-setupinterface=false', '-setupiptables=0'],
    want: { ...usual, setUpLink: false, setUpRules: false },
  },
  {
    argv: [HOLD, '-interfacename', 'dns0', '-skipteardown'],
    want: { ...usual, interfaceName: 'dns0', skipTeardown: true },
  },
  { argv: [HOLD, '-syncinterval=60ns'], want: usual },
  { argv: [HOLD, '-syncinterval=90'], want: { ...usual, syncIntervalS: 90 } },
  { argv: [HOLD, '-syncinterval=2m'], want: { ...usual, syncIntervalS: 120 } },
  { argv: [HOLD, '-backend=iptables', '-lease=1m'], want: { ...usual, backend: 'iptables', leaseS: 60 } },
  { argv: [HOLD, '-lease=off'], want: { ...usual, leaseS: 'off' } },
  { argv: ['-localip='], error: 'invalid localip specified - ""' },
  { argv: ['-localip=10.0.0.1,'], error: 'invalid localip specified - ""' },
  { argv: ['-localip=10.0.0.1, 10.0.0.2'], error: 'invalid localip specified - " 10.0.0.2"' },
  { argv: ['-localip=dns.example.org'], error: 'invalid localip specified - "dns.example.org"' },
  { argv: ['-localip=fe80::1%eth0'], error: 'invalid localip specified - "fe80::1%eth0"' },
  { argv: [HOLD, '-health-port=70000'], error: 'invalid healthcheck port specified - "70000"' },
  {
    argv: [HOLD, '-interfacename=abcdefghijklmnop'],
    error: '-interfacename must have at most 15 bytes, "abcdefghijklmnop" has 16',
  },
  { argv: [HOLD, '-backend=ipvs'], error: '-backend must be auto, nftables, iptables, none, got "ipvs"' },
  { argv: [HOLD, '-lease=1s'], error: '-lease must be 3s to 1h or off, got "1s"' },
  { argv: [HOLD, '-lease=never'], error: '-lease must be 3s to 1h or off, got "never"' },
];

for (const { argv, want, error } of cases) {
  test(`nodens ${argv.join(' ')}`, () => {
    const { values, given } = parseFlags(argv, SERVER_FLAGS);
    const read = () => nodeFlags(values, given);
    if (error !== undefined) assert.throws(read, { name: 'FlagError', message: error });
    else assert.deepEqual(read(), want);
  });
}
