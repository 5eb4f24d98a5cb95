import type { MessageView } from '../../wire/view.ts';
import { groupRecords } from './groups.ts';

/** From 0 to below 1. */
export type Random = () => number;

/**
 * Aliases, which some stub resolvers want to see first; then all that is not balanced; then the addresses and the mail
 * exchanges, each in any order.
 */
export function roundRobin(view: MessageView, records: readonly number[], random: Random): number[] {
  const { aliases, others, addresses, exchanges, opt } = groupRecords(view, records);
  shuffle(addresses, random);
  shuffle(exchanges, random);
  return [...aliases, ...others, ...addresses, ...exchanges, ...opt];
}

/** Fisher-Yates: every order is as likely as any other. */
function shuffle(records: number[], random: Random): void {
  for (let place = 0; place < records.length - 1; place++) {
    const chosen = place + Math.floor(random() * (records.length - place));
    swap(records, place, chosen);
  }
}

export function swap(records: number[], a: number, b: number): void {
  const record = records[a];
  records[a] = records[b];
  records[b] = record;
}
