import { MIN_UDP_PAYLOAD_BYTES } from '../wire/edns.ts';
import { FLAG_AA, FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_TC, FLAG_Z, rcodeName } from '../wire/header.ts';
import { className, typeName } from '../wire/types.ts';
import type { Outcome, Query } from './contract.ts';

export const COMMON =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" ' +
  '{rcode} {>rflags} {rsize} {duration}';
const COMBINED = `${COMMON} "{>opcode}"`;

const NO_VALUE = '-';
const MAX_TCP_BYTES = 65535;
const DURATION_DIGITS = 9; // Seconds down to nanoseconds.

/** Text of a query and what came of it, unless it is still under way; `elapsedMs` from its arrival. */
export type Format = (query: Query, outcome: Outcome | undefined, elapsedMs: number) => string;

const TOKENS = new Map<string, Format>([
  ['{type}', (query) => typeName(query.qtype)],
  ['{class}', (query) => className(query.qclass)],
  ['{name}', (query) => query.qname],
  ['{proto}', (query) => query.protocol],
  ['{size}', (query) => String(query.requestBytes)],
  ['{remote}', (query) => bracketed(query.clientAddress)],
  ['{port}', (query) => String(query.clientPort)],
  ['{local}', (query) => bracketed(query.localAddress)],
  ['{>id}', (query) => String(query.request.id)],
  ['{>opcode}', (query) => String(query.request.opcode)],
  ['{>do}', (query) => String(query.dnssecOk)],
  ['{>bufsize}', (query) => String(bufferBytes(query))],
  ['{rcode}', (_query, outcome) => (outcome === undefined ? NO_VALUE : rcodeName(outcome.rcode))],
  ['{rsize}', (_query, outcome) => (outcome === undefined ? NO_VALUE : String(outcome.response?.bytes.length ?? 0))],
  ['{>rflags}', (_query, outcome) => (outcome?.response === undefined ? NO_VALUE : flagNames(outcome.response.flags))],
  [
    '{duration}',
    (_query, outcome, elapsedMs) =>
      outcome === undefined ? NO_VALUE : `${(elapsedMs / 1000).toFixed(DURATION_DIGITS)}s`,
  ],
]);

/**
 * Compiles a format. `{common}` and `{combined}` stand for whole formats, `{/plugin/name}` for metadata; words in braces
 * that mean nothing are left as they are.
 */
export function compileFormat(text: string): Format {
  const expanded = text.replaceAll('{common}', COMMON).replaceAll('{combined}', COMBINED);
  const parts = expanded.split(/(\{[^{}]*\})/).map((part) => TOKENS.get(part) ?? metadataToken(part) ?? part);
  return (query, outcome, elapsedMs) => {
    let line = '';
    for (const part of parts) line += typeof part === 'string' ? part : part(query, outcome, elapsedMs);
    return line;
  };
}

function metadataToken(part: string): Format | undefined {
  const name = /^\{\/(.*)\}$/.exec(part)?.[1];
  return name === undefined ? undefined : (query) => query.metadata.get(name) ?? NO_VALUE;
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** The largest answer that the client takes. */
function bufferBytes(query: Query): number {
  return query.protocol === 'tcp' ? MAX_TCP_BYTES : Math.max(MIN_UDP_PAYLOAD_BYTES, query.udpPayloadBytes);
}

const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [FLAG_QR, 'qr'],
  [FLAG_AA, 'aa'],
  [FLAG_TC, 'tc'],
  [FLAG_RD, 'rd'],
  [FLAG_RA, 'ra'],
  [FLAG_Z, 'z'],
  [FLAG_AD, 'ad'],
  [FLAG_CD, 'cd'],
];

function flagNames(flags: number): string {
  return FLAGS.filter(([bit]) => (flags & bit) !== 0)
    .map(([, name]) => name)
    .join();
}
