import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EEXIST, ENODEV, EOPNOTSUPP, EPERM, SystemError } from '../sys/errno.ts';
import { attributes, attributesOf, type NetlinkMessage, textOf, u32 } from '../sys/netlink-message.ts';
import { openLinks } from './links.ts';

const NEWLINK = 16;
const GETLINK = 18;
const NEWADDR = 20;
const DELADDR = 21;

/** A kernel that keeps what it was asked, refuses what the test says, and knows the links that it was asked to make. */
function fakeKernel(refuse: (kind: string) => number | undefined = () => undefined) {
  const made: { name: string; kind: string }[] = [];
  const asked: { type: number; payload: Buffer }[] = [];
  const answer = (payload: Buffer): NetlinkMessage => ({ type: NEWLINK, flags: 0, sequence: 0, payload });
  const kernel = {
    ask(intent: string, type: number, _flags: number, payload: Buffer): NetlinkMessage[] {
      asked.push({ type, payload });
      const found = attributesOf(payload, 16);
      const name = textOf(found.get(3));
      if (type === GETLINK) {
        const link = made.find((candidate) => candidate.name === name);
        if (link === undefined) throw new SystemError(intent, 'netlink', ENODEV);
        const info = attributes([[1, link.kind]]);
        return [
          answer(
            Buffer.concat([
              u32(0, 5, 1, 0),
              attributes([
                [3, name],
                [18, info],
              ]),
            ]),
          ),
        ];
      }
      const info = found.get(18);
      const kind = info === undefined ? '' : textOf(attributesOf(info, 0).get(1));
      const errno = refuse(kind);
      if (errno !== undefined) throw new SystemError(intent, 'netlink', errno);
      if (type === NEWLINK && kind !== '') made.push({ name, kind });
      return [];
    },
    dump: () => [],
    close: () => undefined,
  };
  return { made, asked, links: openLinks(kernel) };
}

test('create: of type dummy', () => {
  const { links } = fakeKernel();
  assert.deepEqual(links.create('nodecache'), { index: 5, name: 'nodecache', kind: 'dummy', up: true });
});

for (const errno of [EOPNOTSUPP, EPERM]) {
  test(`create: a bridge where the kernel has no dummy driver (errno ${errno})`, () => {
    const { links } = fakeKernel((kind) => (kind === 'dummy' ? errno : undefined));
    assert.equal(links.create('nodecache').kind, 'bridge');
  });
}

const failures = [
  {
    name: 'neither driver',
    errno: EOPNOTSUPP,
    error:
      /^interface nodecache cannot be made: .*type dummy: .*type bridge: .*load the kernel module dummy on the host/,
  },
  { name: 'not allowed', errno: EPERM, error: /give the process CAP_NET_ADMIN$/ },
];
for (const { name, errno, error } of failures) {
  test(`create: ${name}`, () => {
    const { links } = fakeKernel(() => errno);
    assert.throws(() => links.create('nodecache'), { name: 'SetupError', kind: 'interface_add', message: error });
  });
}

test('create: another failure is told as it is', () => {
  const { links } = fakeKernel(() => ENODEV);
  assert.throws(() => links.create('nodecache'), {
    message: /^create interface nodecache of type dummy: no such device/,
  });
});

for (const kind of ['dummy', 'bridge']) {
  test(`create: another instance has made the ${kind} meanwhile`, () => {
    let isFirst = true;
    const { made, links } = fakeKernel((asked) => {
      if (asked !== kind) return EOPNOTSUPP;
      if (!isFirst) return undefined;
      isFirst = false;
      made.push({ name: 'nodecache', kind });
      return EEXIST;
    });
    assert.deepEqual(links.create('nodecache'), { index: 5, name: 'nodecache', kind, up: true });
    assert.equal(made.length, 1);
  });
}

test('find: none is there', () => assert.equal(fakeKernel().links.find('nodecache'), undefined));

const link = { index: 5, name: 'nodecache', kind: 'dummy', up: true };
for (const { address, leaseS, bytes, lifeS } of [
  { address: '169.254.20.10', leaseS: 10, bytes: 4, lifeS: 10 },
  { address: 'fd00::a', leaseS: undefined, bytes: 16, lifeS: 0xffff_ffff },
]) {
  test(`putAddress: ${address} for ${leaseS ?? 'ever'}`, () => {
    const { links, asked } = fakeKernel();
    links.putAddress(link, address, leaseS);
    const [{ type, payload }] = asked;
    const found = attributesOf(payload, 8);
    assert.deepEqual([type, payload[1], payload.readUInt32LE(4)], [NEWADDR, bytes * 8, 5]);
    assert.equal(found.get(2)?.length, bytes);
    assert.equal(found.get(6)?.readUInt32LE(4), lifeS);
  });
}

test('putAddress: what is no address', () => {
  const { links } = fakeKernel();
  assert.throws(() => links.putAddress(link, 'fe80::1%eth0', 1), { name: 'SetupError' });
});

test('addresses: the kernel is asked for those of the link alone', () => {
  const asked: number[] = [];
  const dump = (_intent: string, _type: number, payload: Buffer) => {
    asked.push(payload.readUInt32LE(4));
    return [];
  };
  openLinks({ ask: () => [], dump, close: () => undefined }).addresses(link);
  assert.deepEqual(asked, [link.index]);
});

test('addresses: none where the link has gone meanwhile; another failure is told', () => {
  const listing = (errno: number) =>
    openLinks({
      ask: () => [],
      dump(intent) {
        throw new SystemError(intent, 'netlink', errno);
      },
      close: () => undefined,
    });
  assert.deepEqual(listing(ENODEV).addresses(link), []);
  assert.throws(() => listing(EPERM).addresses(link), { name: 'SetupError', kind: 'interface_check' });
});

test('removeAddress, delete: what is gone already is fine', () => {
  const { links, asked } = fakeKernel(() => ENODEV);
  links.removeAddress(link, '169.254.20.10');
  links.delete(link);
  assert.equal(asked[0].type, DELADDR);
  const refusing = fakeKernel(() => EPERM).links;
  assert.throws(() => refusing.removeAddress(link, '169.254.20.10'), { name: 'SetupError', message: /CAP_NET_ADMIN/ });
});
