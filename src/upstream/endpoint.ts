import net from 'node:net';
import { hostPort } from '../sys/socket.ts';

const DEFAULT_PORTS = { dns: 53, tls: 853, https: 443 } as const;
const HOSTNAME =
  /^(?=.{1,254}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i;
/** What ends in a number is a mistyped address, no name. */
const NUMBER_AT_END = /(?:^|\.)\d+\.?$/;

/** Where an upstream is to be found. */
export type Endpoint = {
  readonly protocol: 'dns' | 'tls' | 'https';
  /** An IP address, a link-local one with its interface: `fe80::1%eth0`. */
  readonly address: string;
  readonly port: number;
  /** The name that the certificate must have; without one it must have the address. */
  readonly serverName: string | undefined;
  /** `192.0.2.1:53`, `[2001:db8::1]:53`: the metrics' label `to`. */
  readonly text: string;
};

/** A server that is given by name, which stands for as many endpoints as it has addresses. */
export type NamedServer = {
  readonly protocol: 'dns' | 'tls';
  readonly hostname: string;
  readonly port: number;
  readonly serverName: string | undefined;
};

/** What one TO of `forward` is: an upstream, or the path of a file that lists some or else a name, or a name. */
export type Target =
  | { readonly endpoint: Endpoint }
  | { readonly file: string; readonly server: NamedServer | undefined }
  | { readonly server: NamedServer }
  | { readonly problem: string };

/**
 * `[dns://]IP[:PORT]`, `tls://IP[%NAME][:PORT]`, `https://IP[%NAME][:PORT]` (IPv6 in brackets where a port follows),
 * `[dns://|tls://]HOSTNAME[:PORT]`, or else a path.
 */
export function parseTarget(text: string): Target {
  const [, scheme = 'dns', host] = /^(?:([a-z0-9]+):\/\/)?(.*)$/s.exec(text) ?? [];
  if (scheme !== 'dns' && scheme !== 'tls' && scheme !== 'https') {
    return { problem: `'${scheme}' is not supported as a destination protocol in forward: ${text}` };
  }
  const parsed = parseHost(host);
  if (parsed !== undefined) {
    const { ip, name, port = DEFAULT_PORTS[scheme] } = parsed;
    if (scheme !== 'dns') return { endpoint: endpointOf(scheme, ip, port, name) };
    return { endpoint: endpointOf('dns', name === undefined ? ip : `${ip}%${name}`, port) };
  }
  const server = scheme === 'https' ? undefined : parseNamed(scheme, host);
  if (scheme === 'dns' && host !== '') return { file: host, server };
  return server === undefined ? { problem: notAnAddress(host) } : { server };
}

export function endpointOf(
  protocol: Endpoint['protocol'],
  address: string,
  port: number,
  serverName?: string,
): Endpoint {
  return { protocol, address, port, serverName, text: hostPort(address, port) };
}

export function notAnAddress(text: string): string {
  return `not an IP address or file: "${text}"`;
}

type Host = { readonly ip: string; readonly name: string | undefined; readonly port: number | undefined };

/** `IP`, `IP%NAME`, `V4:PORT`, `V4%NAME:PORT`, `[V6]:PORT`, `[V6%NAME]:PORT`, `[V6]%NAME:PORT`; else undefined. */
function parseHost(text: string): Host | undefined {
  const bracketed = /^\[([^\]%]*)(?:%([^\]]+))?\](?:%([^:]+))?(?::(\d{1,5}))?$/.exec(text);
  if (bracketed !== null) return hostOf(bracketed[1], bracketed[2] ?? bracketed[3], bracketed[4]);
  const [ip, name] = splitOnce(text, '%');
  if (net.isIP(ip) !== 0 && name === undefined) return hostOf(ip, undefined, undefined);
  const withPort = /^(.*?):(\d{1,5})$/.exec(name ?? text);
  if (name === undefined) return withPort === null ? undefined : hostOf(withPort[1], undefined, withPort[2]);
  return withPort === null ? hostOf(ip, name, undefined) : hostOf(ip, withPort[1], withPort[2]);
}

/** `HOSTNAME[:PORT]`, for TLS also `HOSTNAME%NAME[:PORT]`; else undefined. */
function parseNamed(protocol: 'dns' | 'tls', text: string): NamedServer | undefined {
  const [, withName, portText] = /^(.*?)(?::(\d{1,5}))?$/s.exec(text) ?? [];
  const [hostname, serverName] = splitOnce(withName, '%');
  const port = portText === undefined ? DEFAULT_PORTS[protocol] : Number(portText);
  const isName = HOSTNAME.test(hostname) && !NUMBER_AT_END.test(hostname) && isPort(port);
  if (!isName || serverName === '' || (protocol === 'dns' && serverName !== undefined)) return undefined;
  return { protocol, hostname, port, serverName };
}

function hostOf(ip: string, name: string | undefined, portText: string | undefined): Host | undefined {
  const port = portText === undefined ? undefined : Number(portText);
  const portIsGood = port === undefined || isPort(port);
  if (net.isIP(ip) === 0 || name === '' || !portIsGood) return undefined;
  return { ip, name, port };
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65535;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
