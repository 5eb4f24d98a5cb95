/** Server blocks that the template does not have: for stub domains, and for zones of the cluster DNS. */
import type { Cursor } from '../corefile/cursor.ts';
import { formatLine } from '../corefile/format.ts';
import type { Position } from '../corefile/token.ts';
import type { ClusterZone } from './coredns.ts';
import type { StubDomain } from './kube-dns.ts';
import type { Line } from './line.ts';

const INDENT = '    ';

export type Place = {
  readonly port: number;
  /** The addresses to serve on, with blanks between; undefined: all. */
  readonly localDns: string | undefined;
};

/** As node-cache makes it, but for the order, which is that of the ConfigMap. */
export function stubBlock({ domain, servers, at }: StubDomain, place: Place): Line[] {
  const body = [...usual(place), `forward . ${servers.join(' ')}`];
  return linesAt(at, ['', `${domain}:${place.port} {`, ...body.map(indented), '}']);
}

/** How the cluster DNS is asked: as the template does, else as node-cache's template does. */
export type ClusterStyle = {
  readonly clusterDns: string;
  /** The template's own line that asks the cluster DNS. */
  readonly forward: Cursor | undefined;
  readonly prometheus: Cursor | undefined;
};

/** One block, with one cache, for all zones: there may be as many as the cluster has nodes. */
export function clusterBlock(zones: readonly ClusterZone[], place: Place, style: ClusterStyle): Line[] {
  const { clusterDns, forward, prometheus } = style;
  const last = zones.length - 1;
  const keys = zones.map(({ zone, at }, index) => ({
    text: `${zone}:${place.port}${index === last ? ' {' : ','}`,
    at,
  }));
  const [{ at }] = zones;
  const asking = forward ?? `forward . ${clusterDns} {\n${INDENT}force_tcp\n}`;
  const body = [...usual(place), ...(prometheus ? [prometheus] : []), asking].flatMap((line) => bodyLines(line, at));
  return [...linesAt(at, ['']), ...keys, ...body, ...linesAt(at, ['}'])];
}

function usual({ localDns }: Place): string[] {
  return ['errors', 'cache 30', ...(localDns === undefined ? [] : [`bind ${localDns}`])];
}

/** A line of the template brings its place along. */
function bodyLines(line: string | Cursor, at: Position): Line[] {
  if (typeof line === 'string') return linesAt(at, line.split('\n').map(indented));
  return linesAt(line.name, formatLine(line, INDENT).trimEnd().split('\n'));
}

function linesAt({ file, line }: Position, texts: readonly string[]): Line[] {
  return texts.map((text) => ({ text, at: { file, line } }));
}

function indented(text: string): string {
  return INDENT + text;
}
