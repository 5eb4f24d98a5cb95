import { TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_MX, TYPE_OPT } from '../../wire/types.ts';
import type { MessageView } from '../../wire/view.ts';

/** Records of one section by what balancing does with them: their indices in the message, in the order given. */
export type Groups = {
  readonly aliases: number[];
  /** A and AAAA. */
  readonly addresses: number[];
  readonly exchanges: number[];
  readonly others: number[];
  /** Stays behind all others, where it usually is. */
  readonly opt: number[];
};

export function groupRecords(view: MessageView, records: readonly number[]): Groups {
  const groups: Groups = { aliases: [], addresses: [], exchanges: [], others: [], opt: [] };
  for (const index of records) groups[groupOf(view.typeOf(index))].push(index);
  return groups;
}

function groupOf(type: number): keyof Groups {
  switch (type) {
    case TYPE_CNAME:
      return 'aliases';
    case TYPE_A:
    case TYPE_AAAA:
      return 'addresses';
    case TYPE_MX:
      return 'exchanges';
    case TYPE_OPT:
      return 'opt';
    default:
      return 'others';
  }
}
