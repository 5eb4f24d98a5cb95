/** Links and addresses of the host, over rtnetlink (linux/rtnetlink.h, if_link.h, if_addr.h). */
import { isIPv4 } from 'node:net';
import { messageOf } from '../corefile/errors.ts';
import { EADDRNOTAVAIL, EEXIST, ENODEV, EOPNOTSUPP, EPERM, SystemError } from '../sys/errno.ts';
import type { NetlinkChannel } from '../sys/netlink.ts';
import {
  type Attribute,
  attributes,
  attributesOf,
  type NetlinkMessage,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  textOf,
  u32,
} from '../sys/netlink-message.ts';
import { AF_INET, AF_INET6, ipBytes, ipText } from '../sys/sockaddr.ts';
import { SetupError } from './setup-error.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

/** ifinfomsg: family u8, pad u8, type u16, index s32, flags u32, change u32. */
const LINK_BYTES = 16;
const LINK_INDEX = 4;
const LINK_FLAGS = 8;
const IFF_UP = 0x1;
const IFF_NOARP = 0x80;
const IFLA_IFNAME = 3;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_BR_MCAST_SNOOPING = 23;

/** ifaddrmsg: family u8, prefix length u8, flags u8, scope u8, index u32. */
const ADDRESS_BYTES = 8;
const ADDRESS_INDEX = 4;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
/** Nobody else has the address, so that no time need be spent on asking (RFC 4862 §5.4). */
const IFA_F_NODAD = 0x02;
const IFA_F_NOPREFIXROUTE = 0x200;
const FOREVER = 0xffff_ffff;
/** ifa_cacheinfo: preferred, valid, created, updated. */
const VALID = 4;

/** What a kernel without the driver answers; one that may not load modules says EPERM of it. */
const NO_DRIVER: readonly number[] = [EOPNOTSUPP, EPERM];

type ErrorKind = 'interface_add' | 'interface_check';

export type HeldAddress = {
  readonly address: string;
  readonly family: 4 | 6;
  readonly prefixLength: number;
  /** Seconds until the kernel takes it away; undefined: never. */
  readonly validS: number | undefined;
};

export type Link = {
  readonly index: number;
  readonly name: string;
  /** `dummy`, `bridge`, `veth` …; empty for a real device. */
  readonly kind: string;
  readonly up: boolean;
};

/** Each call asks the kernel, takes some ten microseconds, and throws a SetupError if it refuses. */
export type Links = {
  find(name: string): Link | undefined;
  /**
   * A new link of type dummy, or where the kernel has no such driver, a bridge without ports. Where another instance was
   * faster, its link.
   */
  create(name: string): Link;
  setUp(link: Link): void;
  addresses(link: Link): HeldAddress[];
  /** Puts the address there, or renews it, for so many seconds; undefined: for ever. */
  putAddress(link: Link, address: string, leaseS: number | undefined): void;
  /** One that is not there is fine, as with `delete`. */
  removeAddress(link: Link, address: string): void;
  delete(link: Link): void;
  /** Names of all links. */
  names(): string[];
  /** How many links are ports of this one. */
  portCount(index: number): number;
  /** Name of a link that has the address; undefined where none has. */
  ownerOf(address: string): string | undefined;
};

export function openLinks(kernel: NetlinkChannel): Links {
  const change = (kind: ErrorKind, intent: string, type: number, flags: number, payload: Buffer) =>
    attempt(kind, () => kernel.ask(intent, type, flags, payload));
  const look = <Answer>(ask: () => Answer) => attempt('interface_check', ask);
  return {
    find: (name) => look(() => findLink(kernel, name)),
    create: (name) => createLink(kernel, name),
    setUp({ index, name }) {
      change('interface_add', `set ${name} up`, RTM_NEWLINK, 0, linkMessage(index, IFF_UP, IFF_UP));
    },
    addresses: (link) =>
      look(() => listAddressesOn(kernel, link)).flatMap(({ index, ...held }) => (index === link.index ? [held] : [])),
    putAddress({ index, name }, address, leaseS) {
      const flags = NLM_F_CREATE | NLM_F_REPLACE;
      change('interface_add', `put ${address} on ${name}`, RTM_NEWADDR, flags, addressMessage(index, address, leaseS));
    },
    removeAddress({ index, name }, address) {
      const intent = `remove ${address} from ${name}`;
      const message = addressMessage(index, address, undefined);
      unlessGone([EADDRNOTAVAIL, ENODEV], () => kernel.ask(intent, RTM_DELADDR, 0, message));
    },
    delete({ index, name }) {
      const intent = `delete interface ${name}`;
      unlessGone([ENODEV], () => kernel.ask(intent, RTM_DELLINK, 0, linkMessage(index, 0, 0)));
    },
    names: () => look(() => listLinks(kernel)).map(({ link }) => link.name),
    portCount: (index) => look(() => listLinks(kernel)).filter(({ master }) => master === index).length,
    ownerOf(address) {
      const found = look(() => listAddresses(kernel)).find((held) => held.address === address);
      if (found === undefined) return undefined;
      return (
        look(() => listLinks(kernel)).find(({ link }) => link.index === found.index)?.link.name ?? `${found.index}`
      );
    },
  };
}

function createLink(kernel: NetlinkChannel, name: string): Link {
  const make = (kind: string, flags: number, data: readonly Attribute[]) => {
    const info: Attribute[] = [[IFLA_INFO_KIND, kind]];
    if (data.length > 0) info.push([IFLA_INFO_DATA, attributes(data)]);
    const wanted = attributes([
      [IFLA_IFNAME, name],
      [IFLA_LINKINFO, attributes(info)],
    ]);
    const message = Buffer.concat([linkMessage(0, flags, flags), wanted]);
    try {
      kernel.ask(`create interface ${name} of type ${kind}`, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, message);
    } catch (error) {
      // Instances that start together all find no link; loading the driver gives them milliseconds for that.
      if (!isErrno(error, [EEXIST])) throw error;
    }
  };
  try {
    make('dummy', 0, []);
  } catch (error) {
    if (!isErrno(error, NO_DRIVER)) throw setupError('interface_add', error);
    try {
      // It serves as well, if it asks and tells nobody anything.
      make('bridge', IFF_NOARP, [[IFLA_BR_MCAST_SNOOPING, Buffer.from([0])]]);
    } catch (second) {
      throw new SetupError('interface_add', noLink(name, error, second), { cause: second });
    }
  }
  const link = findLink(kernel, name);
  if (link === undefined) throw new SetupError('interface_add', `interface ${name} was removed as soon as it was made`);
  return link;
}

function noLink(name: string, dummy: unknown, bridge: unknown): string {
  const advice = isErrno(bridge, [EPERM])
    ? 'give the process CAP_NET_ADMIN'
    : 'load the kernel module dummy on the host (modprobe dummy)';
  return `interface ${name} cannot be made: ${messageOf(dummy)}; ${messageOf(bridge)}: ${advice}`;
}

function findLink(kernel: NetlinkChannel, name: string): Link | undefined {
  const message = Buffer.concat([linkMessage(0, 0, 0), attributes([[IFLA_IFNAME, name]])]);
  try {
    const [answer] = kernel.ask(`look for interface ${name}`, RTM_GETLINK, 0, message);
    return answer && readLink(answer).link;
  } catch (error) {
    if (isErrno(error, [ENODEV])) return undefined;
    throw error;
  }
}

function listLinks(kernel: NetlinkChannel) {
  return kernel.dump('list interfaces', RTM_GETLINK, linkMessage(0, 0, 0)).map(readLink);
}

function readLink({ payload }: NetlinkMessage): { readonly link: Link; readonly master: number } {
  const found = attributesOf(payload, LINK_BYTES);
  const info = found.get(IFLA_LINKINFO);
  const kind = info === undefined ? undefined : attributesOf(info, 0).get(IFLA_INFO_KIND);
  const link = {
    index: payload.readInt32LE(LINK_INDEX),
    name: textOf(found.get(IFLA_IFNAME)),
    kind: textOf(kind),
    up: (payload.readUInt32LE(LINK_FLAGS) & IFF_UP) !== 0,
  };
  return { link, master: found.get(IFLA_MASTER)?.readInt32LE(0) ?? 0 };
}

function linkMessage(index: number, flags: number, changed: number): Buffer {
  return Buffer.concat([u32(0, index), u32(flags, changed)]);
}

function listAddresses(kernel: NetlinkChannel, index = 0): (HeldAddress & { readonly index: number })[] {
  const message = Buffer.alloc(ADDRESS_BYTES);
  message.writeUInt32LE(index, ADDRESS_INDEX);
  return kernel.dump('list addresses', RTM_GETADDR, message).flatMap(readAddress);
}

/**
 * Those of this link alone, unless the kernel is old: where kube-proxy's ipvs mode keeps 5,000 addresses on another
 * link, the list of all takes 12 ms.
 */
function listAddressesOn(kernel: NetlinkChannel, { index }: Link) {
  try {
    return listAddresses(kernel, index);
  } catch (error) {
    if (isErrno(error, [ENODEV])) return []; // It has gone meanwhile.
    throw error;
  }
}

function readAddress({ payload }: NetlinkMessage): (HeldAddress & { readonly index: number })[] {
  const found = attributesOf(payload, ADDRESS_BYTES);
  const bytes = found.get(IFA_LOCAL) ?? found.get(IFA_ADDRESS);
  if (bytes === undefined || (payload[0] !== AF_INET && payload[0] !== AF_INET6)) return [];
  const valid = found.get(IFA_CACHEINFO)?.readUInt32LE(VALID) ?? FOREVER;
  return [
    {
      index: payload.readUInt32LE(ADDRESS_INDEX),
      address: ipText(bytes),
      family: payload[0] === AF_INET ? 4 : 6,
      prefixLength: payload[1],
      validS: valid === FOREVER ? undefined : valid,
    },
  ];
}

function addressMessage(index: number, address: string, leaseS: number | undefined): Buffer {
  const bytes = ipBytes(address);
  if (bytes === undefined) throw new SetupError('interface_add', `"${address}" is no address that a link can have`);
  const isV4 = isIPv4(address);
  const header = Buffer.from([isV4 ? AF_INET : AF_INET6, bytes.length * 8, 0, 0]);
  const lifeS = leaseS ?? FOREVER;
  return Buffer.concat([
    header,
    u32(index),
    attributes([
      [IFA_LOCAL, bytes],
      [IFA_ADDRESS, bytes],
      [IFA_FLAGS, isV4 ? 0 : IFA_F_NODAD | IFA_F_NOPREFIXROUTE],
      [IFA_CACHEINFO, u32(lifeS, lifeS, 0, 0)],
    ]),
  ]);
}

/** What is not there any more need not be taken away. */
function unlessGone(errnos: readonly number[], ask: () => unknown): void {
  try {
    ask();
  } catch (error) {
    if (!isErrno(error, errnos)) throw setupError('interface_check', error);
  }
}

function attempt<Answer>(kind: ErrorKind, ask: () => Answer): Answer {
  try {
    return ask();
  } catch (error) {
    throw setupError(kind, error);
  }
}

function setupError(kind: ErrorKind, cause: unknown): SetupError {
  const advice = isErrno(cause, [EPERM]) ? ': give the process CAP_NET_ADMIN' : '';
  return new SetupError(kind, `${messageOf(cause)}${advice}`, { cause });
}

function isErrno(error: unknown, errnos: readonly number[]): boolean {
  return error instanceof SystemError && errnos.includes(error.errno);
}
