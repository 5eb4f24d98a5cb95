import { NETLINK_ROUTE } from '../sys/netlink.ts';
import { netlinkEvents } from '../sys/netlink-events.ts';
import type { Poller } from '../sys/poller.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_DELADDR = 21;
/** rtnetlink.h: RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR. */
const GROUPS = [1, 5, 9];

/**
 * Calls back when a link changes or goes, or an address goes, whoever did it; that an address is there is no news.
 * Returns what ends that.
 */
export function watchLinks(poller: Poller, changed: () => void): () => void {
  return netlinkEvents({
    protocol: NETLINK_ROUTE,
    groups: GROUPS,
    poller,
    onMessage(message) {
      const type = message?.type ?? RTM_DELLINK;
      if (type === RTM_NEWLINK || type === RTM_DELLINK || type === RTM_DELADDR) changed();
    },
  });
}
