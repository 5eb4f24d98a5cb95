import { ENOBUFS } from './errno.ts';
import * as libc from './libc.ts';
import { openGroups } from './netlink.ts';
import { messagesOf, type NetlinkMessage } from './netlink-message.ts';
import type { Poller } from './poller.ts';
import { receive } from './socket.ts';

const BUFFER_BYTES = 64 * 1024;
/** So many datagrams in one turn; the rest comes next turn. */
const MAX_DATAGRAMS = 64;

export type NetlinkEventsOptions = {
  readonly protocol: number;
  readonly groups: readonly number[];
  readonly poller: Poller;
  /**
   * Gets each message; undefined: some were lost, as they came too fast, so that anything may have changed. What changes
   * from then on is told again.
   */
  readonly onMessage: (message: NetlinkMessage | undefined) => void;
};

/** Hears what the kernel tells these groups; returns what ends that. Throws a SystemError where it does not tell us. */
export function netlinkEvents({ protocol, groups, poller, onMessage }: NetlinkEventsOptions): () => void {
  const fd = openGroups(protocol, groups);
  const buffer = Buffer.alloc(BUFFER_BYTES);
  // After a loss the kernel tells nothing new, not even of another loss, until all that it did tell has been read
  // (NETLINK_S_CONGESTED): whoever looked at the host before that would miss what changes meanwhile.
  let isLossy = false;
  poller.add(fd, () => {
    for (let i = 0; i < MAX_DATAGRAMS; i++) {
      const received = receive(fd, buffer);
      if (received === -ENOBUFS) {
        isLossy = true;
        continue;
      }
      if (received < 0) {
        if (isLossy) {
          isLossy = false;
          onMessage(undefined);
        }
        return;
      }
      for (const message of messagesOf(buffer.subarray(0, received))) onMessage(message);
    }
  });
  return () => {
    poller.remove(fd);
    libc.close(fd);
  };
}
