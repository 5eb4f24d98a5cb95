import { messageOf } from '../corefile/errors.ts';
import { lacksCapability } from '../sys/capabilities.ts';
import { NETLINK_ROUTE, NETLINK_SOCK_DIAG, Netlink } from '../sys/netlink.ts';
import { checkHost, hasIpv6 } from './host.ts';
import { watchLinks } from './link-events.ts';
import { openLinks } from './links.ts';
import type { OnDemandServices } from './on-demand.ts';
import { chooseRules } from './rules/choose.ts';
import type { Endpoint } from './rules/rules.ts';
import { placesOfOthers } from './socket-owners.ts';
import { Takeover } from './takeover.ts';
import { TakeoverMetrics } from './takeover-metrics.ts';

/** The take-over on this host. Throws a SystemError where the kernel cannot be asked. */
export function openTakeover({ listeners, metrics, clock, log, poller }: OnDemandServices): Takeover {
  const links = openLinks(new Netlink(NETLINK_ROUTE));
  const sockets = new Netlink(NETLINK_SOCK_DIAG);
  const othersAt = (endpoints: readonly Endpoint[]) => {
    try {
      return placesOfOthers(sockets, endpoints);
    } catch (error) {
      log.warning(`nodecache: whether other processes listen on the addresses is not known: ${messageOf(error)}`);
      return [];
    }
  };
  return new Takeover({
    links,
    listeners,
    clock,
    log,
    metrics: new TakeoverMetrics(metrics),
    checkHost: async (plan, own) => checkHost(plan, { links, hasIpv6, lacks: lacksCapability, othersAt }, own),
    chooseRules: (plan) => chooseRules(plan, { poller, log }),
    watchLink: (changed) => watchLinks(poller, changed),
    othersAt,
  });
}
