/** The ConfigMap kube-dns: stub domains and upstream nameservers; spec: node-cache.md section 4. */
import { isIP } from 'node:net';
import { join } from 'node:path';
import { ConfigError, messageOf, throwConfigErrors } from '../corefile/errors.ts';
import type { Position } from '../corefile/token.ts';
import { parseTarget } from '../upstream/endpoint.ts';

export type StubDomain = {
  /** As written, without final dot. */
  readonly domain: string;
  /** IP or IP:PORT, at least one. */
  readonly servers: readonly string[];
  readonly at: Position;
};

export type KubeDns = {
  readonly stubDomains: readonly StubDomain[];
  /** Empty: those of the node, or of the cluster. */
  readonly upstreamServers: readonly string[];
};

export const NO_KUBE_DNS: KubeDns = { stubDomains: [], upstreamServers: [] };

const STUB_DOMAINS = 'stubDomains';
const UPSTREAM_NAMESERVERS = 'upstreamNameservers';
/** All others are ignored, as is `federations`, which node-cache reads and does not use. */
export const KUBE_DNS_KEYS: readonly string[] = [STUB_DOMAINS, UPSTREAM_NAMESERVERS];

const MAX_UPSTREAMS = 3;
const MAX_DOMAIN_CHARACTERS = 253;
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/** Throws ConfigError or ConfigErrors: what is wrong in one part makes all of it invalid. */
export function parseKubeDns(texts: ReadonlyMap<string, string>, directory: string): KubeDns {
  const errors: ConfigError[] = [];
  const fail = (at: Position, message: string) => {
    errors.push(new ConfigError(at, message));
  };
  const read = <T>(key: string, empty: T, parse: (json: Json) => T): T => {
    const text = texts.get(key);
    const json = text === undefined ? undefined : parseJson(key, text, join(directory, key), fail);
    return json === undefined ? empty : parse(json);
  };
  const stubDomains = read(STUB_DOMAINS, NO_KUBE_DNS.stubDomains, (json) => readStubDomains(json, fail));
  const upstreamServers = read(UPSTREAM_NAMESERVERS, NO_KUBE_DNS.upstreamServers, (json) => readUpstreams(json, fail));
  throwConfigErrors(errors);
  return { stubDomains, upstreamServers };
}

type Fail = (at: Position, message: string) => void;
type Json = { readonly key: string; readonly file: string; readonly text: string; readonly value: unknown };

function parseJson(key: string, text: string, file: string, fail: Fail): Json | undefined {
  try {
    return { key, file, text, value: JSON.parse(text) };
  } catch (error) {
    // V8 says where, unless the end is missing.
    const reason = messageOf(error);
    const [place, line] = / in JSON at position \d+ \(line (\d+) column \d+\)$/.exec(reason) ?? [];
    const lastLine = text.trimEnd().split('\n').length;
    const at = { file, line: line === undefined ? lastLine : Number(line) };
    fail(at, `invalid JSON: ${place === undefined ? reason : reason.slice(0, -place.length)}`);
    return undefined;
  }
}

function readStubDomains(json: Json, fail: Fail): StubDomain[] {
  const { key, file, value } = json;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail({ file, line: 1 }, `${key} must be an object such as {"example.org": ["192.0.2.1"]}, got ${typeName(value)}`);
    return [];
  }
  return Object.entries(value).map(([domain, list]) => {
    const at = { file, line: lineOf(json, domain) };
    if (domain.length > MAX_DOMAIN_CHARACTERS || !DOMAIN.test(domain)) {
      fail(
        at,
        `invalid domain name: "${domain}"; lower-case letters, digits and "-" between dots, without a final dot`,
      );
    }
    const servers = stringsOf(list);
    if (servers === undefined) fail(at, `stub domain "${domain}": expected a list of servers, got ${typeName(list)}`);
    else if (servers.length === 0) fail(at, `stub domain "${domain}" has no servers; name one, or remove the domain`);
    for (const server of servers ?? []) checkServer(server, at, `stub domain "${domain}"`, fail);
    return { domain, servers: servers ?? [], at };
  });
}

function readUpstreams(json: Json, fail: Fail): string[] {
  const { key, file, value } = json;
  const servers = stringsOf(value);
  if (servers === undefined) {
    fail({ file, line: 1 }, `${key} must be a list such as ["192.0.2.1"], got ${typeName(value)}`);
    return [];
  }
  if (servers.length > MAX_UPSTREAMS) {
    fail({ file, line: 1 }, `${key} cannot have more than three entries, got ${servers.length}`);
  }
  for (const server of servers) checkServer(server, { file, line: lineOf(json, server) }, key, fail);
  return servers;
}

/** Names are refused, as node-cache does in the end: who would look them up? */
function checkServer(server: string, at: Position, owner: string, fail: Fail): void {
  const target = parseTarget(server);
  const isAddress = 'endpoint' in target && target.endpoint.protocol === 'dns' && !/[%/]/.test(server);
  if (isAddress && isIP(target.endpoint.address) !== 0) return;
  fail(at, `${owner}: invalid nameserver: "${server}"; expected an IP address, or one with a port: 192.0.2.1:53`);
}

function stringsOf(value: unknown): string[] | undefined {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isList ? value : undefined;
}

function typeName(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** The first line that has the word in quotes; 1 where it is written in escapes. */
function lineOf({ text }: Json, word: string): number {
  const index = text.split('\n').findIndex((line) => line.includes(JSON.stringify(word)));
  return Math.max(index, 0) + 1;
}
