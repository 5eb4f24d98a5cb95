/** Names in responses, changed back or otherwise. */
import { concatBytes } from '../../wire/bytes.ts';
import { nameFromText, nameToLowerText, skipName, type WireName } from '../../wire/name.ts';
import { FIELD_NAME, fieldLength, rdataLayout } from '../../wire/rdata-layout.ts';
import type { ResourceRecord } from '../../wire/record.ts';
import {
  TYPE_CNAME,
  TYPE_DNAME,
  TYPE_MX,
  TYPE_NAPTR,
  TYPE_NS,
  TYPE_PTR,
  TYPE_SOA,
  TYPE_SRV,
} from '../../wire/types.ts';
import type { NameChange } from './names.ts';
import type { ResponseRule } from './rule.ts';

/** The types whose rdata has a value, the first name in it. */
const TYPES_WITH_VALUE: ReadonlySet<number> = new Set([
  TYPE_SRV,
  TYPE_MX,
  TYPE_CNAME,
  TYPE_DNAME,
  TYPE_NS,
  TYPE_PTR,
  TYPE_NAPTR,
  TYPE_SOA,
]);
/** Names of one response that a rule looks at; who owns the zone can make it any number. */
const MAX_NAMES = 128;

/** What was made of a name, and all below it, becomes that name again. */
export function backFrom(rewritten: string, original: string): NameChange {
  const below = `.${rewritten}`;
  return (name) => {
    if (name === rewritten) return original;
    return name.endsWith(below) ? name.slice(0, name.length - rewritten.length) + original : undefined;
  };
}

/** Changes the names that records belong to. */
export function ownerRule(change: NameChange): ResponseRule {
  return (response) => {
    const renamed = renaming(change);
    response.mapRecords((record) => {
      const owner = renamed(record.owner);
      return owner === undefined ? record : { ...record, owner };
    });
  };
}

/** Changes the names that records lead to. */
export function valueRule(change: NameChange): ResponseRule {
  return (response) => {
    const renamed = renaming(change);
    response.mapRecords((record) => {
      const place = valuePlace(record);
      const value = place && renamed(record.rdata.subarray(place.start, place.end));
      return value === undefined ? record : withValue(record, value);
    });
  };
}

/** The name that a record leads to, lower case with final dot. */
export function valueText(record: ResourceRecord): string | undefined {
  const place = valuePlace(record);
  return place && nameToLowerText(record.rdata, place.start);
}

export function withValue(record: ResourceRecord, value: WireName): ResourceRecord {
  const place = valuePlace(record);
  if (place === undefined) return record;
  const { rdata } = record;
  return { ...record, rdata: concatBytes([rdata.subarray(0, place.start), value, rdata.subarray(place.end)]) };
}

function valuePlace({ type, rdata }: ResourceRecord): { start: number; end: number } | undefined {
  const layout = TYPES_WITH_VALUE.has(type) && rdata.length > 0 ? rdataLayout(type) : undefined;
  let start = 0;
  for (const field of layout?.fields ?? []) {
    if (field === FIELD_NAME) return { start, end: skipName(rdata, start, rdata.length) };
    start += fieldLength(field, rdata, start, rdata.length);
  }
  return undefined;
}

/** The change for names of one response, each looked at once; undefined: the name stays, also where none comes of it. */
function renaming(change: NameChange): (name: WireName) => WireName | undefined {
  const known = new Map<string, WireName | undefined>();
  return (name) => {
    const text = nameToLowerText(name, 0);
    if (!known.has(text) && known.size < MAX_NAMES) {
      const changed = change(text);
      known.set(text, changed === undefined ? undefined : nameFromText(changed));
    }
    return known.get(text);
  };
}
