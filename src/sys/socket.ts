/** Sockets of the resolver and its listeners: non-blocking, closed on exec, opened or not opened at all. */
import {
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EINPROGRESS,
  EINVAL,
  lastErrno,
  SystemError,
} from './errno.ts';
import * as libc from './libc.ts';
import { lowPortHint } from './low-ports.ts';
import { AF_INET, AF_INET6, addressText, encodeSockaddr, portOf, SOCKADDR_V6_BYTES } from './sockaddr.ts';

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_FLAGS = 0o4000 | 0o2000000; // SOCK_NONBLOCK | SOCK_CLOEXEC

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_MARK = 36;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
/** Of the numbers that SO_MEMINFO gives (linux/sock_diag.h), the one of datagrams that found no room. */
const MEMINFO_DROPS = 8;
const MEMINFO_COUNT = 9;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** Where struct tcp_info (linux/tcp.h), in words, has the connections that wait for accept. */
const TCP_INFO_UNACKED = 6;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IP_FREEBIND = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_FREEBIND = 78;

/** The default of 208 KiB holds about 200 small queries; this much lost none at 1,000 outstanding. */
const LISTEN_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Nobody sends from it: tcpmux, which has no UDP service. */
const UNUSED_PORT = 1;

/** IPv4 and IPv6 together on one socket, as CoreDNS does for all three. */
const WILDCARDS: readonly string[] = ['', '0.0.0.0', '::'];

/** What opening an IPv6 socket gives on a host without IPv6. */
const WITHOUT_IPV6: readonly number[] = [EAFNOSUPPORT, EADDRNOTAVAIL];

/** Memory for the kernel's answers and our arguments; nothing here waits, so one of each per thread will do. */
const nameBytes = new Uint8Array(SOCKADDR_V6_BYTES);
const optionValue = new Int32Array(1);
const optionBytes = new Uint32Array(1);
const memoryInfo = new Uint32Array(MEMINFO_COUNT);
const tcpInfo = new Uint32Array(TCP_INFO_UNACKED + 1);

/**
 * On sockets of ours by which the rules of the node know them: queries to ourselves, and the connections that our listeners
 * have accepted, which inherit it. It has none of the bits that kube-proxy, Cilium and Calico use.
 */
export const SELF_MARK = 0x35;

export type UdpOptions = {
  /** An IP address; `''`, `0.0.0.0` and `::` are the wildcard: IPv6 and IPv4 on one socket where there is IPv6. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The kernel tells with each datagram which local address it was sent to; needed on the wildcard. */
  readonly packetInfo: boolean;
  readonly receiveBufferBytes?: number;
  /** The address need not be there yet (`IP_FREEBIND`). */
  readonly mayComeLater?: boolean;
};

/** A bound UDP socket that may share its port (`SO_REUSEPORT`). */
export function openUdp(options: UdpOptions): number {
  const { address, port, packetInfo, receiveBufferBytes = LISTEN_RECEIVE_BUFFER_BYTES, mayComeLater = false } = options;
  const fd = openBound('udp', address, port, mayComeLater);
  raiseReceiveBuffer(fd, receiveBufferBytes);
  if (!packetInfo) return fd;
  // An IPv6 socket takes its own option and reports IPv4 as v4-mapped; an IPv4 socket refuses the first one.
  const taken = setOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) || setOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
  if (!taken) throw abandon(fd, listenError('udp', address, port, 'setsockopt', lastErrno()));
  return fd;
}

export type TcpOptions = {
  readonly address: string;
  readonly port: number;
  readonly backlog: number;
  readonly mayComeLater?: boolean;
  /** Of the connections that it accepts, from the first one on. */
  readonly mark?: number;
};

/** A listening TCP socket with the same freedoms, to be handed to `net.Server.listen({ fd })`. */
export function openTcp({ address, port, backlog, mayComeLater = false, mark = 0 }: TcpOptions): number {
  const fd = openBound('tcp', address, port, mayComeLater);
  if (mark !== 0) setMark(fd, mark);
  if (libc.listen(fd, backlog) < 0) throw abandon(fd, listenError('tcp', address, port, 'listen', lastErrno()));
  return fd;
}

export type ConnectOptions = {
  readonly receiveBufferBytes?: number;
  /** One of the host's own, of the same family; by default the routing table says which. */
  readonly sourceAddress?: string | undefined;
};

/** A UDP socket to one server, from a port that the kernel takes at random; datagrams of others never reach it. */
export function connectUdp(address: string, port: number, options: ConnectOptions = {}): number {
  const { receiveBufferBytes, sourceAddress } = options;
  const intent = `connect udp ${hostPort(address, port)}`;
  if (encodeSockaddr(nameBytes, address, port) === 0) throw new SystemError(intent, 'connect', EINVAL);
  const fd = libc.socket(nameBytes[0], SOCK_DGRAM | SOCK_FLAGS, 0);
  if (fd < 0) throw new SystemError(intent, 'socket', lastErrno());
  if (sourceAddress !== undefined) {
    const length = encodeSockaddr(nameBytes, sourceAddress, 0);
    if (libc.bind(fd, nameBytes, length) < 0) {
      throw abandon(fd, new SystemError(`${intent} from ${sourceAddress}`, 'bind', lastErrno()));
    }
  }
  const length = encodeSockaddr(nameBytes, address, port);
  if (libc.connect(fd, nameBytes, length) < 0) throw abandon(fd, new SystemError(intent, 'connect', lastErrno()));
  if (receiveBufferBytes !== undefined) raiseReceiveBuffer(fd, receiveBufferBytes);
  return fd;
}

/** A TCP socket on its way to a server, to be handed to `net.Socket`, which tells what becomes of it. */
export function connectTcp(address: string, port: number, mark = 0): number {
  const intent = `connect tcp ${hostPort(address, port)}`;
  const length = encodeSockaddr(nameBytes, address, port);
  if (length === 0) throw new SystemError(intent, 'connect', EINVAL);
  const fd = libc.socket(nameBytes[0], SOCK_STREAM | SOCK_FLAGS, 0);
  if (fd < 0) throw new SystemError(intent, 'socket', lastErrno());
  if (mark !== 0) setMark(fd, mark);
  if (libc.connect(fd, nameBytes, length) < 0) {
    const errno = lastErrno();
    if (errno !== EINPROGRESS) throw abandon(fd, new SystemError(intent, 'connect', errno));
  }
  return fd;
}

/** Marks what the socket sends, and the connections that it accepts; false without CAP_NET_ADMIN. */
export function setMark(fd: number, mark: number): boolean {
  return setOption(fd, SOL_SOCKET, SO_MARK, mark);
}

/**
 * Takes a bound UDP socket out of the kernel's selection: what comes from now on goes to the other sockets of its port,
 * what it has in its queue stays to be read, and it can still send. False if the kernel refuses.
 */
export function leaveSelection(fd: number): boolean {
  const peers = localFamily(fd) === AF_INET ? ['127.0.0.1'] : ['::1', '::ffff:127.0.0.1'];
  return peers.some((peer) => libc.connect(fd, nameBytes, encodeSockaddr(nameBytes, peer, UNUSED_PORT)) === 0);
}

/** How many connections wait to be accepted from a listening socket. */
export function waitingConnections(fd: number): number {
  optionBytes[0] = tcpInfo.byteLength;
  return libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, tcpInfo, optionBytes) === 0 ? tcpInfo[TCP_INFO_UNACKED] : 0;
}

/** Gives the descriptor back. Whoever watches it with a poller removes it there first. */
export function close(fd: number): void {
  libc.close(fd);
}

/** Bytes sent, or a negative errno. */
export function send(fd: number, bytes: Uint8Array): number {
  const sent = libc.send(fd, bytes, bytes.length, 0);
  return sent < 0 ? -lastErrno() : sent;
}

/** Bytes of the next datagram, cut to the length of `buffer`; or a negative errno, `-EAGAIN` when none waits. */
export function receive(fd: number, buffer: Uint8Array): number {
  const received = libc.recv(fd, buffer, buffer.length, 0);
  return received < 0 ? -lastErrno() : received;
}

/** How many datagrams the socket had no room for since it was opened, modulo 2^32; 0 where the kernel cannot tell. */
export function droppedDatagrams(fd: number): number {
  optionBytes[0] = memoryInfo.byteLength;
  const isTold = libc.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memoryInfo, optionBytes) === 0;
  return isTold && optionBytes[0] === memoryInfo.byteLength ? memoryInfo[MEMINFO_DROPS] : 0;
}

/** The port that the socket is bound to. */
export function localPort(fd: number): number {
  readLocalName(fd);
  return portOf(nameBytes, 0);
}

/** Where the socket is bound to: `192.0.2.1:40000`. */
export function localText(fd: number): string {
  readLocalName(fd);
  return hostPort(addressText(nameBytes, 0), portOf(nameBytes, 0));
}

/** Whether the address stands for every address of the host. */
export function isWildcard(address: string): boolean {
  return WILDCARDS.includes(address);
}

/** `192.0.2.1:53`, `[2001:db8::1]:53`, and `:53` for the empty wildcard. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function localFamily(fd: number): number {
  readLocalName(fd);
  return nameBytes[0];
}

/** The socket's own address to `nameBytes`. */
function readLocalName(fd: number): void {
  optionBytes[0] = SOCKADDR_V6_BYTES;
  if (libc.getsockname(fd, nameBytes, optionBytes) < 0) {
    throw new SystemError('local address', 'getsockname', lastErrno());
  }
}

function openBound(protocol: 'udp' | 'tcp', address: string, port: number, mayComeLater: boolean): number {
  if (!isWildcard(address)) return bindSocket(protocol, address, port, address, mayComeLater);
  try {
    return bindSocket(protocol, '::', port, address, false);
  } catch (error) {
    if (!(error instanceof SystemError) || !WITHOUT_IPV6.includes(error.errno)) throw error;
    return bindSocket(protocol, '0.0.0.0', port, address, false);
  }
}

/** `shownAddress` is what the operator wrote. */
function bindSocket(
  protocol: 'udp' | 'tcp',
  address: string,
  port: number,
  shownAddress: string,
  mayComeLater: boolean,
): number {
  const length = encodeSockaddr(nameBytes, address, port);
  if (length === 0) throw listenError(protocol, shownAddress, port, 'bind', EINVAL);
  const family = nameBytes[0];
  const type = protocol === 'udp' ? SOCK_DGRAM : SOCK_STREAM;
  const fd = libc.socket(family, type | SOCK_FLAGS, 0);
  if (fd < 0) throw listenError(protocol, shownAddress, port, 'socket', lastErrno());
  // A port of the kernel's choice is ours alone until others ask for it by number: a UDP socket that may share from the
  // start would be given one that somebody has.
  const sharesLater = protocol === 'udp' && port === 0;
  if (!sharesLater) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  // A restarted server need not wait for the old connections to leave TIME_WAIT.
  if (protocol === 'tcp') setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (family === AF_INET6) {
    setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, address === '::' ? 0 : 1);
    if (mayComeLater) setOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
  } else if (mayComeLater) {
    setOption(fd, IPPROTO_IP, IP_FREEBIND, 1);
  }
  if (libc.bind(fd, nameBytes, length) < 0) {
    throw abandon(fd, listenError(protocol, shownAddress, port, 'bind', lastErrno()));
  }
  if (sharesLater) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  return fd;
}

function listenError(protocol: string, address: string, port: number, syscall: string, errno: number): SystemError {
  return new SystemError(`listen ${protocol} ${hostPort(address, port)}`, syscall, errno, listenHint(errno, port));
}

function listenHint(errno: number, port: number): string | undefined {
  if (errno === EADDRNOTAVAIL) return 'the host has no such address; add nodecache to the block to have nodens hold it';
  if (errno === EADDRINUSE) return 'stop the program that listens there, or choose another address or port';
  if (errno === EACCES) return lowPortHint(port);
  return undefined;
}

/** Closes a socket that will not be used, and passes on why. */
function abandon(fd: number, error: SystemError): SystemError {
  libc.close(fd);
  return error;
}

/** Raises the receive buffer as far as the kernel lets us: beyond net.core.rmem_max only with CAP_NET_ADMIN. */
function raiseReceiveBuffer(fd: number, byteCount: number): void {
  // The kernel doubles what it is given, for its bookkeeping.
  if (!setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, byteCount)) setOption(fd, SOL_SOCKET, SO_RCVBUF, byteCount);
}

/** False if the kernel does not take it. */
function setOption(fd: number, level: number, option: number, value: number): boolean {
  optionValue[0] = value;
  return libc.setsockopt(fd, level, option, optionValue, Int32Array.BYTES_PER_ELEMENT) === 0;
}
