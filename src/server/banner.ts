import { isSubdomain } from '../wire/name.ts';
import type { Target } from './targets.ts';

const REVERSE_ZONES = ['in-addr.arpa.', 'ip6.arpa.'];
const PREFERRED_SYNTAX = /^(?:[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+$/; // RFC 1035 §2.3.1

/** Where a listener answers, a line for each zone: `.:53 on 127.0.0.1`. Before an unusual zone stands a warning. */
export function bannerLines({ address, router }: Pick<Target, 'address' | 'router'>, port: number): string[] {
  const place = address === '' ? '' : ` on ${address}`;
  return [...router.zones].sort().flatMap((zone) => {
    const line = `${zone}:${port}${place}`;
    return isUsual(zone) ? [line] : [`Warning: Domain "${zone}" does not follow RFC1035 preferred syntax`, line];
  });
}

function isUsual(zone: string): boolean {
  return zone === '.' || REVERSE_ZONES.some((reverse) => isSubdomain(zone, reverse)) || PREFERRED_SYNTAX.test(zone);
}
