import { lowerText, nameFromText, nameToText } from '../wire/name.ts';
import type { Transport } from './cursor.ts';
import { reverseZones } from './reverse.ts';

const TRANSPORTS: readonly Transport[] = ['tls', 'dns', 'quic', 'grpc', 'https', 'https3', 'unix'];
const MAX_ZONE_CHARACTERS = 255;

export type ZoneText = {
  readonly transport: Transport;
  /** Lower case, with final dot. */
  readonly zones: readonly string[];
  /** As written, not checked against a range; undefined when there is none. */
  readonly port: number | undefined;
};

/** Reads `[SCHEME://]ZONE[:PORT]`, where ZONE may be a CIDR; or says what is wrong with it. */
export function zonesOf(text: string): ZoneText | { readonly problem: string } {
  // Schemes are case-sensitive and an unknown one is part of the zone, as in CoreDNS.
  const transport = TRANSPORTS.find((name) => text.startsWith(`${name}://`));
  const address = transport === undefined ? text : text.slice(transport.length + '://'.length);
  const colon = address.lastIndexOf(':');
  if (colon !== -1 && colon === address.length - 1) return { problem: 'a port must follow the last ":"' };
  const hasPort = colon !== -1 && /^[+-]?\d+$/.test(address.slice(colon + 1));
  const zone = hasPort ? address.slice(0, colon) : address;
  const port = hasPort ? Number(address.slice(colon + 1)) : undefined;

  if (zone.length > MAX_ZONE_CHARACTERS) {
    return { problem: `the zone is too long: ${zone.length} characters, at most ${MAX_ZONE_CHARACTERS} are allowed` };
  }
  if (zone === '') return { problem: 'the zone is missing; the root zone is "."' };
  const name = nameFromText(zone);
  if (name === undefined) return { problem: `the zone is not a valid domain name: "${zone}"` };
  const reverse = reverseZones(zone);
  if (reverse && /^(:|0.*:)/.test(zone)) return { problem: `invalid CIDR "${zone}"` };
  return { transport: transport ?? 'dns', zones: reverse ?? [lowerText(nameToText(name, 0))], port };
}
