import type { Logger } from '../../observe/logger.ts';
import { openNft } from '../../sys/libnftables.ts';
import type { Poller } from '../../sys/poller.ts';
import type { Plan } from '../plan.ts';
import { nftablesRules } from './nftables.ts';
import { watchTable } from './nftables-events.ts';
import { TABLE_NAME } from './nftables-ruleset.ts';
import { noRules } from './none.ts';
import type { Rules } from './rules.ts';

export type RulesServices = { readonly poller: Poller; readonly log: Logger };

/** The backend that the plan wants. */
export async function chooseRules({ backend }: Plan, { poller }: RulesServices): Promise<Rules> {
  if (backend === 'none') return noRules();
  return nftablesRules({ nft: openNft(), watchTable: (changed) => watchTable(poller, TABLE_NAME, changed) });
}
