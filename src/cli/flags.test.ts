import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { SERVER_FLAGS } from './flag-table.ts';
import { type FlagSpec, parseFlags, usage } from './flags.ts';

const SPECS = [
  { name: 'conf', kind: 'string', default: 'Corefile', help: 'file to load' },
  { name: 'dns.port', aliases: ['p'], kind: 'int', default: 53, min: 0, max: 65535, help: 'port' },
  { name: 'quiet', kind: 'bool', default: false, help: 'no banner' },
  { name: 'setup', kind: 'bool', default: true, help: 'make it' },
  { name: 'wait', kind: 'duration', default: 1500, help: 'time' },
  { name: 'every', kind: 'seconds', default: 60, help: 'interval' },
  { name: 'bytes', kind: 'bytes', default: 'auto', help: 'memory' },
] as const satisfies readonly FlagSpec[];

const cases = [
  { name: 'none', argv: [], want: {} },
  { name: 'value behind', argv: ['-conf', 'x'], want: { conf: 'x' } },
  { name: 'value after =', argv: ['-conf=x=y'], want: { conf: 'x=y' } },
  { name: 'two dashes', argv: ['--conf', 'x', '--dns.port=54'], want: { conf: 'x', 'dns.port': 54 } },
  { name: 'an empty value', argv: ['-conf='], want: { conf: '' } },
  { name: 'a value that looks like a flag', argv: ['-conf', '-quiet'], want: { conf: '-quiet' } },
  { name: 'the alias, last wins', argv: ['-dns.port', '1', '-p', '2'], want: { 'dns.port': 2 } },
  { name: 'before the alias, last wins', argv: ['-p', '2', '-dns.port', '1'], want: { 'dns.port': 1 } },
  { name: 'numbers as Go has them', argv: ['-p', '0x35'], want: { 'dns.port': 53 } },
  { name: 'octal', argv: ['-p', '010'], want: { 'dns.port': 8 } },
  { name: 'a sign', argv: ['-p=+7'], want: { 'dns.port': 7 } },
  { name: 'a boolean', argv: ['-quiet', '-setup=F'], want: { quiet: true, setup: false } },
  { name: 'a boolean takes no argument', argv: ['-quiet', 'false'], want: { quiet: true }, rest: ['false'] },
  {
    name: 'stops at other arguments',
    argv: ['-quiet', 'a', '-conf', 'x'],
    want: { quiet: true },
    rest: ['a', '-conf', 'x'],
  },
  { name: 'stops at --', argv: ['-quiet', '--', '-conf'], want: { quiet: true }, rest: ['-conf'] },
  { name: 'stops at -', argv: ['-', '-quiet'], want: {}, rest: ['-', '-quiet'] },
  { name: 'durations', argv: ['-wait', '1m', '-every', '2m'], want: { wait: 60_000, every: 120 } },
  { name: 'plain seconds', argv: ['-every', '30'], want: { every: 30 } },
  { name: 'bytes', argv: ['-bytes', '1000'], want: { bytes: 1000 } },
  { name: 'bytes with a unit', argv: ['-bytes=64MiB'], want: { bytes: 64 * 1024 * 1024 } },
  { name: 'bytes, automatic', argv: ['-bytes=1GiB', '-bytes=auto'], want: { bytes: 'auto' } },
  { name: 'help', argv: ['-quiet', '-h', '-frob'], want: { quiet: true }, rest: ['-frob'], help: true },
  { name: 'help in full', argv: ['--help'], want: {}, help: true },
];
const defaults = { conf: 'Corefile', 'dns.port': 53, quiet: false, setup: true, wait: 1500, every: 60, bytes: 'auto' };
for (const { name, argv, want, rest = [], help = false } of cases) {
  test(`parseFlags: ${name}`, () => {
    const parsed = parseFlags(argv, SPECS);
    assert.deepEqual(parsed.values, { ...defaults, ...want });
    assert.deepEqual([...parsed.given].sort(), Object.keys(want).sort());
    assert.deepEqual([parsed.rest, parsed.help], [rest, help]);
  });
}

const errorCases = [
  { argv: ['-x'], error: 'flag provided but not defined: -x' },
  { argv: ['--x=1'], error: 'flag provided but not defined: -x' },
  { argv: ['-conf'], error: 'flag needs an argument: -conf' },
  { argv: ['-p', 'a'], error: 'invalid value "a" for flag -p: parse error' },
  { argv: ['-p', ''], error: 'invalid value "" for flag -p: parse error' },
  { argv: ['-p', '1.5'], error: 'invalid value "1.5" for flag -p: parse error' },
  { argv: ['-p', '08'], error: 'invalid value "08" for flag -p: parse error' },
  { argv: ['-p', '65536'], error: 'invalid value "65536" for flag -p: value out of range, expected 0..65535' },
  { argv: ['-quiet=maybe'], error: 'invalid boolean value "maybe" for -quiet: parse error' },
  { argv: ['-quiet='], error: 'invalid boolean value "" for -quiet: parse error' },
  { argv: ['-wait', '30'], error: 'invalid value "30" for flag -wait: parse error' },
  { argv: ['-bytes', '64MB'], error: 'invalid value "64MB" for flag -bytes: parse error' },
  { argv: ['-bytes', '-1'], error: 'invalid value "-1" for flag -bytes: parse error' },
  { argv: ['---conf'], error: 'bad flag syntax: ---conf' },
  { argv: ['-=x'], error: 'bad flag syntax: -=x' },
  { argv: ['--=x'], error: 'bad flag syntax: --=x' },
];
for (const { argv, error } of errorCases) {
  test(`parseFlags refuses ${argv.join(' ')}`, () => {
    assert.throws(() => parseFlags(argv, SPECS), { name: 'FlagError', message: error });
  });
}

test('usage: names, kinds, help and defaults', () => {
  const want = `Usage of nodens:
  -conf string
    	file to load (default "Corefile")
  -dns.port, -p int
    	port (default 53)
  -quiet
    	no banner
  -setup
    	make it (default true)
  -wait duration
    	time (default 1500ms)
  -every seconds
    	interval (default 60s)
  -bytes bytes
    	memory (default auto)
`;
  assert.equal(usage('nodens', SPECS), want);
});

test('the server has the flags of CoreDNS and node-cache, with their defaults', () => {
  const { values } = parseFlags([], SERVER_FLAGS);
  const core = { conf: '', 'dns.port': 53, pidfile: '', plugins: false, quiet: false, version: false };
  const own = { 'cache-bytes': 'auto', 'max-inflight': 10_000, 'max-tcp-connections': 1000, control: '' };
  const nodeCache = {
    basecorefile: '/etc/coredns/Corefile.base',
    corefile: '',
    kubednscm: '',
    corednscm: '',
    upstreamsvc: 'kube-dns',
    fallback: 'node',
    reloadwithsignal: false,
    'metrics-listen-address': '0.0.0.0:9353',
    localip: '',
    setupinterface: true,
    interfacename: 'nodelocaldns',
    setupiptables: true,
    skipteardown: false,
    syncinterval: 60,
    'health-port': 8080,
  };
  const node = { backend: 'auto', lease: '' };
  const { responders, ...others } = values;
  assert.deepEqual(others, { ...core, ...own, ...nodeCache, ...node });
  assert.equal(responders, availableParallelism() < 8 ? 1 : 2);
});
