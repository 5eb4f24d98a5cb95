import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { fakeBlock } from '../testing.ts';
import { bind, expand, parse } from './bind.ts';

const interfaces = {
  lo: [{ address: '127.0.0.1' }, { address: '::1', scopeid: 0 }],
  eth0: [{ address: '192.0.2.7' }, { address: '2001:db8::7', scopeid: 0 }, { address: 'fe80::7', scopeid: 2 }],
};

const cases = [
  { name: 'addresses', input: 'bind 127.0.0.1 ::1 fe80::1%eth0', want: ['127.0.0.1', '::1', 'fe80::1%eth0'] },
  { name: 'an interface is all its addresses', input: 'bind eth0', want: ['192.0.2.7', '2001:db8::7', 'fe80::7%eth0'] },
  { name: 'both', input: 'bind lo 192.0.2.7', want: ['127.0.0.1', '::1', '192.0.2.7'] },
  { name: 'except an address', input: 'bind lo {\n except ::1\n}', want: ['127.0.0.1'] },
  {
    name: 'except an interface',
    input: 'bind lo eth0 {\n except lo fe80::7%eth0\n}',
    want: ['192.0.2.7', '2001:db8::7'],
  },
  {
    name: 'several lines of except',
    input: 'bind lo eth0 {\n except lo\n except 192.0.2.7 2001:db8::7\n}',
    want: ['fe80::7%eth0'],
  },
  { name: 'duplicates are kept for the check of listeners', input: 'bind lo ::1', want: ['127.0.0.1', '::1', '::1'] },
  { name: 'no argument', input: 'bind', error: 'Corefile:1: bind: at least one address or interface name is expected' },
  {
    name: 'no argument of except',
    input: 'bind lo {\n except\n}',
    error: 'Corefile:2: bind: except: at least one address or interface name is expected',
  },
  {
    name: 'a host name',
    input: 'bind localhost',
    error: 'Corefile:1: bind: not a valid IP address or interface name: "localhost"; names of hosts are not looked up',
  },
  {
    name: 'a host name in except',
    input: 'bind lo {\n except eth7\n}',
    error: 'Corefile:2: bind: not a valid IP address or interface name: "eth7"; names of hosts are not looked up',
  },
  {
    name: 'unknown property',
    input: 'bind lo {\n exept ::1\n}',
    error: 'Corefile:2: bind: unknown property "exept"; did you mean "except"?',
  },
  {
    name: 'nothing left',
    input: 'bind lo {\n except lo\n}',
    error: 'Corefile:1: bind: except leaves no address to listen on; name one less',
  },
];
for (const { name, input, want, error } of cases) {
  test(`addresses: ${name}`, () => {
    const run = () => expand(parse(cursorOf(input)), interfaces);
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}

test('several directives in a block add up', () => {
  const block = fakeBlock();
  for (const input of ['bind 127.0.0.1', 'bind 127.0.0.2']) bind.setup(parse(cursorOf(input)), block);
  assert.deepEqual(block.listener.addresses, ['127.0.0.1', '127.0.0.2']);
});
