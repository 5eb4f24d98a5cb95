import { NETLINK_NETFILTER } from '../../sys/netlink.ts';
import { netlinkEvents } from '../../sys/netlink-events.ts';
import { attributesOf, textOf } from '../../sys/netlink-message.ts';
import type { Poller } from '../../sys/poller.ts';

/** linux/netfilter/nfnetlink.h: NFNLGRP_NFTABLES. */
const GROUP = 7;
/** nfgenmsg: family u8, version u8, resource id u16. */
const HEADER_BYTES = 4;
const FAMILY_INET = 1;
/** The table's name has this number in tables, chains, rules, sets and lists of elements. */
const TABLE_ATTRIBUTE = 1;
/** nf_tables.h: NFT_MSG_NEWGEN, which ends each transaction, of whatever table. */
const NEWGEN = 0x0a0f;

/** Calls back when something of a table of family inet has changed; returns what ends that. */
export function watchTable(poller: Poller, name: string, changed: () => void): () => void {
  return netlinkEvents({
    protocol: NETLINK_NETFILTER,
    groups: [GROUP],
    poller,
    onMessage(message) {
      if (message === undefined) return changed();
      const { type, payload } = message;
      if (type === NEWGEN || payload[0] !== FAMILY_INET) return;
      if (textOf(attributesOf(payload, HEADER_BYTES).get(TABLE_ATTRIBUTE)) === name) changed();
    },
  });
}
