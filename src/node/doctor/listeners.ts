import type { Endpoint } from '../rules/rules.ts';
import type { ListeningSocket } from '../socket-owners.ts';
import { type Finding, finding } from './finding.ts';

const CHECK = 'listeners';
const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];

export type ListenerFacts = {
  /** Where the configuration listens; an empty address is the wildcard. */
  readonly places: readonly Endpoint[];
  readonly sockets: readonly ListeningSocket[];
  /** Who has a socket: `systemd-resolve (pid 812)`; undefined: nobody that we may see. */
  readonly ownerOf: (inode: number) => string | undefined;
  /** Ours: sockets of one port may be shared only by one user. */
  readonly uid: number;
};

/** Who else takes traffic where we want to. */
export function checkListeners({ places, sockets, ownerOf, uid }: ListenerFacts): Finding[] {
  const found = sockets
    .filter(({ port, address }) => places.some((place) => place.port === port && overlap(place.address, address)))
    .map((socket) => {
      const { protocol, address, port, inode } = socket;
      const where = `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
      const owner = ownerOf(inode) ?? 'another process';
      if (socket.uid === uid && /\b(nodens|node|coredns|node-cache)\b/.test(owner)) {
        return finding(CHECK, 'info', `${owner} listens on ${where}: another instance, with which traffic is shared`);
      }
      const advice = 'stop it, or bind other addresses';
      const isWild = WILDCARDS.includes(address);
      return finding(CHECK, isWild ? 'warning' : 'error', `${owner} listens on ${where}`, advice);
    });
  return found.length > 0 ? found : [finding(CHECK, 'ok', 'nobody else listens where nodens will')];
}

function overlap(wanted: string, there: string): boolean {
  return wanted === '' || wanted === there || WILDCARDS.includes(there);
}
