import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ENODEV, ENOENT } from './errno.ts';
import { interfaceIndex } from './libc.ts';
import { NETLINK_ROUTE, NETLINK_SOCK_DIAG, Netlink } from './netlink.ts';
import { attributes, attributesOf, textOf } from './netlink-message.ts';

const RTM_GETLINK = 18;
const LINK_BYTES = 16;
const IFLA_IFNAME = 3;
const RTM_GETADDR = 22;
const ADDRESS_BYTES = 8;
const ADDRESS_INDEX = 4;
const SOCK_DIAG_BY_FAMILY = 20;

function openChannel(t: TestContext, protocol: number): Netlink {
  const kernel = new Netlink(protocol);
  t.after(() => kernel.close());
  return kernel;
}

const askFor = (name: string) => Buffer.concat([Buffer.alloc(LINK_BYTES), attributes([[IFLA_IFNAME, name]])]);
const nameOf = (payload: Buffer) => textOf(attributesOf(payload, LINK_BYTES).get(IFLA_IFNAME));

test('ask: the kernel tells of one link', (t) => {
  const kernel = openChannel(t, NETLINK_ROUTE);
  const answers = kernel.ask('look for lo', RTM_GETLINK, 0, askFor('lo'));
  assert.deepEqual(
    answers.map(({ payload }) => nameOf(payload)),
    ['lo'],
  );
});

test('ask: what the kernel refuses is an error with its code, and the next call gets its own answer', (t) => {
  const kernel = openChannel(t, NETLINK_ROUTE);
  const refused = { name: 'SystemError', errno: ENODEV, code: 'ENODEV', message: /^look for x: no such device/ };
  assert.throws(() => kernel.ask('look for x', RTM_GETLINK, 0, askFor('nodens-has-none')), refused);
  assert.equal(nameOf(kernel.ask('look for lo', RTM_GETLINK, 0, askFor('lo'))[0].payload), 'lo');
});

test('dump: all links', (t) => {
  const kernel = openChannel(t, NETLINK_ROUTE);
  const names = kernel.dump('list links', RTM_GETLINK, Buffer.alloc(LINK_BYTES)).map(({ payload }) => nameOf(payload));
  assert.ok(names.includes('lo'), names.join(' '));
});

test('dump: the addresses of one link, and no others', (t) => {
  const kernel = openChannel(t, NETLINK_ROUTE);
  const index = interfaceIndex('lo');
  const request = Buffer.alloc(ADDRESS_BYTES);
  request.writeUInt32LE(index, ADDRESS_INDEX);
  const found = kernel.dump('list addresses', RTM_GETADDR, request);
  assert.deepEqual([...new Set(found.map(({ payload }) => payload.readUInt32LE(ADDRESS_INDEX)))], [index]);
});

test('dump: one that fails is an error, and no list without entries', (t) => {
  const kernel = openChannel(t, NETLINK_SOCK_DIAG);
  const request = Buffer.alloc(56); // inet_diag_req_v2
  request.set([2, 253]); // A protocol without sockets to list (RFC 3692: for experiments).
  const refused = { name: 'SystemError', errno: ENOENT, message: /^list sockets: / };
  assert.throws(() => kernel.dump('list sockets', SOCK_DIAG_BY_FAMILY, request), refused);
});
