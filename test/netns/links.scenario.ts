/** Links, addresses and what is heard of them, on the kernel of a namespace; prints what there was to see. */
import { watchLinks } from '../../src/node/link-events.ts';
import { openLinks } from '../../src/node/links.ts';
import { NETLINK_ROUTE, Netlink } from '../../src/sys/netlink.ts';
import { netlinkEvents } from '../../src/sys/netlink-events.ts';
import type { NetlinkMessage } from '../../src/sys/netlink-message.ts';
import { Poller } from '../../src/sys/poller.ts';
import { run } from '../support/child.ts';
import { findProgram } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';
import { type IpLink, ipLink } from './readers.ts';

export const NAME = 'nodecache';
export const V4 = '169.254.20.10';
export const V6 = 'fd00::a';
export const LEASE_S = 1000;
export const RENEWED_S = 5000;
export const RENEWALS = 200;
const SHORT: readonly string[] = ['169.254.20.11', 'fd00::b'];
const SHORT_S = 2;
const RTNLGRP_IPV4_IFADDR = 5;
const RTM_DELADDR = 21;
/** Their messages take more room than a socket has, unless it is read meanwhile. */
const FLOOD = 20_000;

export type LinksOutcome = Awaited<ReturnType<typeof observe>>;

const here = {
  exec: (argv: readonly string[]) => run([findProgram(argv[0]) ?? argv[0], ...argv.slice(1)], { cwd: '/' }),
};
const ip = (...argv: string[]) => here.exec(['ip', ...argv]);

/** As `ip` sees the link, without the address that the kernel gives it. */
async function seen(): Promise<IpLink | undefined> {
  const link = await ipLink(here, NAME);
  return link && { ...link, addr_info: link.addr_info.filter(({ local }) => !local.startsWith('fe80:')) };
}

async function observe() {
  const kernel = new Netlink(NETLINK_ROUTE);
  const links = openLinks(kernel);
  const errors: string[] = [];
  const poller = new Poller((error) => errors.push(String(error)));
  let heard = 0;
  const unwatch = watchLinks(poller, () => heard++);
  const heardOf = async (what: string, change: () => unknown) => {
    const before = heard;
    await change();
    await eventually(`${what} to be heard of`, () => heard > before);
    return heard - before;
  };

  const before = links.find(NAME);
  const created = links.create(NAME);
  const createdAgain = links.create(NAME);
  links.setUp(created);
  const setUp = { asked: links.find(NAME), seen: await seen() };

  links.putAddress(created, V4, LEASE_S);
  links.putAddress(created, V6, undefined);
  const put = { asked: links.addresses(created), seen: await seen(), owner: links.ownerOf(V6) };
  links.putAddress(created, V4, undefined);
  links.putAddress(created, V6, RENEWED_S);
  const renewed = await seen();

  const expiryHeard = await heardOf('the end of a lifetime', async () => {
    for (const address of SHORT) links.putAddress(created, address, SHORT_S);
    await eventually('the addresses to run out', () =>
      links.addresses(created).every(({ address }) => !SHORT.includes(address)),
    );
  });
  const expired = await seen();

  // The deletion is heard, and so all before it would have been.
  const renewalsHeard = await heardOf('an address deleted after renewals', () => {
    for (let i = 0; i < RENEWALS; i++) links.putAddress(created, V4, LEASE_S);
    return ip('address', 'delete', `${V6}/128`, 'dev', NAME);
  });
  links.putAddress(created, V6, LEASE_S);
  await heardOf('a link set down', () => ip('link', 'set', NAME, 'down'));
  const isUpWhenDown = links.find(NAME)?.up;
  links.setUp(created);

  await ip('link', 'add', 'bridge0', 'type', 'bridge');
  await ip('link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'port1');
  await ip('link', 'set', 'port0', 'master', 'bridge0');
  const ports = [links.portCount(links.find('bridge0')?.index ?? 0), links.portCount(created.index)];

  const flooded = await flood(poller, {
    renew: () => links.putAddress(created, V4, LEASE_S),
    remove: () => links.removeAddress(created, V4),
  });

  for (const address of [V4, V6, V4, V6]) links.removeAddress(created, address);
  const removed = { asked: links.ownerOf(V4), seen: await seen() };
  await heardOf('a deleted link', () => ip('link', 'delete', NAME));
  const gone = { asked: links.find(NAME), addresses: links.addresses(created), seen: await seen() };
  const madeAgain = links.create(NAME);
  for (let i = 0; i < 2; i++) links.delete(madeAgain);
  const deleted = await seen();

  unwatch();
  poller.close();
  kernel.close();
  const creation = { before, created, createdAgain, setUp };
  const lifetimes = { put, renewed, expired };
  const events = { expiryHeard, renewalsHeard, flooded, errors };
  return { ...creation, ...lifetimes, ...events, isUpWhenDown, ports, removed, gone, deleted };
}

/**
 * More messages than the socket that hears of them holds. Whoever is told so looks at the host, and what changes from
 * that moment on must be heard of: here it changes in that very moment.
 */
async function flood(poller: Poller, { renew, remove }: { readonly renew: () => void; readonly remove: () => void }) {
  let losses = 0;
  let removals = 0;
  const onMessage = (message: NetlinkMessage | undefined) => {
    if (message?.type === RTM_DELADDR) removals++;
    if (message === undefined && losses++ === 0) {
      removals = 0;
      remove();
    }
  };
  const end = netlinkEvents({ protocol: NETLINK_ROUTE, groups: [RTNLGRP_IPV4_IFADDR], poller, onMessage });
  const startMs = performance.now();
  for (let i = 0; i < FLOOD; i++) renew();
  const renewalUs = ((performance.now() - startMs) / FLOOD) * 1000;
  await eventually('the loss to be told', () => losses > 0);
  await eventually('what changed after the loss to be heard of', () => removals > 0);
  end();
  return { losses, renewalUs };
}

if (import.meta.main) console.log(JSON.stringify(await observe()));
