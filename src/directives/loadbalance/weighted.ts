import { TYPE_A, TYPE_AAAA, TYPE_SRV } from '../../wire/types.ts';
import { type MessageView, SECTION_AUTHORITY, type Section } from '../../wire/view.ts';
import { groupRecords } from './groups.ts';
import { type Random, swap } from './round-robin.ts';
import { type Weights, weightOf } from './weights.ts';

const BALANCED_QTYPES = new Set([TYPE_A, TYPE_AAAA, TYPE_SRV]);

/**
 * Draws one address, each as likely as its weight in the sum of all, which changes places with the first one. The groups
 * stand as in `roundRobin`.
 */
export function weighted(
  view: MessageView,
  section: Section,
  records: readonly number[],
  weights: Weights,
  random: Random,
): readonly number[] {
  if (section === SECTION_AUTHORITY || !BALANCED_QTYPES.has(view.qtype)) return records;
  const { aliases, others, addresses, exchanges, opt } = groupRecords(view, records);
  if (addresses.length === 0) return records;
  const shares = addresses.map((index) => weightOf(view, index, weights));
  swap(addresses, 0, draw(shares, random));
  return [...aliases, ...others, ...addresses, ...exchanges, ...opt];
}

/** A place in `shares`, each as likely as its share of the sum. */
function draw(shares: readonly number[], random: Random): number {
  let left = random() * shares.reduce((sum, share) => sum + share, 0);
  const place = shares.findIndex((share) => {
    left -= share;
    return left < 0;
  });
  return Math.max(0, place); // Rounding may leave none.
}
