import net from 'node:net';
import { hostPort } from '../sys/socket.ts';

const DNS_PORT = 53;
const TLS_PORT = 853;

/** Where an upstream is to be found. */
export type Endpoint = {
  readonly protocol: 'dns' | 'tls';
  /** An IP address, a link-local one with its interface: `fe80::1%eth0`. */
  readonly address: string;
  readonly port: number;
  /** The name that the certificate must have; without one it must have the address. */
  readonly serverName: string | undefined;
  /** `192.0.2.1:53`, `[2001:db8::1]:53`: the metrics' label `to`. */
  readonly text: string;
};

/** What one TO of `forward` is: an upstream, or the path of a file that lists some. */
export type Target = { readonly endpoint: Endpoint } | { readonly file: string } | { readonly problem: string };

/** `[dns://]IP[:PORT]`, `tls://IP[%NAME][:PORT]` (IPv6 in brackets where a port follows), or else a path. */
export function parseTarget(text: string): Target {
  const [, scheme = 'dns', host] = /^(?:([a-z0-9]+):\/\/)?(.*)$/s.exec(text) ?? [];
  if (scheme !== 'dns' && scheme !== 'tls') {
    return { problem: `'${scheme}' is not supported as a destination protocol in forward: ${text}` };
  }
  const parsed = parseHost(host);
  if (parsed === undefined) {
    return host === '' || scheme === 'tls' ? { problem: notAnAddress(host) } : { file: host };
  }
  const { ip, name, port } = parsed;
  if (scheme === 'tls') return { endpoint: endpointOf('tls', ip, port ?? TLS_PORT, name) };
  return { endpoint: endpointOf('dns', name === undefined ? ip : `${ip}%${name}`, port ?? DNS_PORT) };
}

export function endpointOf(protocol: 'dns' | 'tls', address: string, port: number, serverName?: string): Endpoint {
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

function hostOf(ip: string, name: string | undefined, portText: string | undefined): Host | undefined {
  const port = portText === undefined ? undefined : Number(portText);
  const portIsGood = port === undefined || (port >= 1 && port <= 65535);
  if (net.isIP(ip) === 0 || name === '' || !portIsGood) return undefined;
  return { ip, name, port };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
