import type { ZonePlan } from './plan.ts';

/** The zones of a listener: from a name in wire form to the zone that it falls under, without making a string of it. */
export class ZoneTable<Zone extends Pick<ZonePlan, 'name'>> {
  /** Longest names first. */
  readonly #zones: readonly Zone[];

  constructor(zones: readonly Zone[]) {
    this.#zones = zones.toSorted((a, b) => b.name.length - a.name.length);
  }

  /** The longest zone that holds the lower-case name of so many bytes. */
  find(name: Uint8Array, nameBytes: number): Zone | undefined {
    const zones = this.#zones;
    for (let i = 0; i < zones.length; i++) {
      if (isUnder(name, nameBytes, zones[i].name)) return zones[i];
    }
    return undefined;
  }
}

function isUnder(name: Uint8Array, nameBytes: number, zone: Uint8Array): boolean {
  const zoneBytes = zone.length;
  const start = nameBytes - zoneBytes;
  if (start < 0 || name[start] !== zone[0]) return false;
  for (let i = zoneBytes - 1; i > 0; i--) if (name[start + i] !== zone[i]) return false;
  return isLabelStart(name, start);
}

/** The bytes of a zone may also stand in the middle of a label. */
function isLabelStart(name: Uint8Array, offset: number): boolean {
  let position = 0;
  while (position < offset) position += name[position] + 1;
  return position === offset;
}
