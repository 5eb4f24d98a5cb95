const MAX_TTL = 0xffffffff;
const SECONDS_OF_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** Seconds, from `3600` as well as from `1h`, `1w2d` or `1h30` (BIND's units); undefined if it is neither. */
export function parseTtl(text: string): number | undefined {
  if (!/^(\d{1,10}[smhdw])*(\d{1,10})?$/i.test(text) || text === '') return undefined;
  let seconds = 0;
  for (const [, digits, unit] of text.toLowerCase().matchAll(/(\d+)([a-z]?)/g)) {
    seconds += Number(digits) * (SECONDS_OF_UNIT[unit] ?? 1);
  }
  return seconds <= MAX_TTL ? seconds : undefined;
}
