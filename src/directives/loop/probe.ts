import dgram from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export type ProbeTimes = {
  /** For a reply to one query. */
  readonly timeoutMs: number;
  /** Between two queries. */
  readonly retryMs: number;
  /** After which it is given up. */
  readonly totalMs: number;
};

export type Probe = ProbeTimes & {
  readonly address: string;
  readonly port: number;
  readonly message: Uint8Array;
  /** After a query without reply, before the next. */
  readonly onRetry: () => void;
};

/** Sends the message over UDP, again and again, until there is any reply, the time is over or it is stopped. */
export async function sendUntilAnswered(probe: Probe, stopping: AbortSignal): Promise<void> {
  const over = AbortSignal.any([stopping, AbortSignal.timeout(probe.totalMs)]);
  while (!over.aborted) {
    try {
      await exchange(probe, over);
      return;
    } catch {
      probe.onRetry();
      await sleep(probe.retryMs, undefined, { signal: over }).catch(() => {});
    }
  }
}

/** Rejects when there is no reply in time, or the port is closed. */
async function exchange({ address, port, message, timeoutMs }: Probe, over: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([over, AbortSignal.timeout(timeoutMs)]);
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.connect(port, address);
    await once(socket, 'connect', { signal });
    socket.send(message);
    await once(socket, 'message', { signal });
  } finally {
    socket.close();
  }
}
