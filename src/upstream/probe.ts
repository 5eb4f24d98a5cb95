/** One question to an upstream over a connection of its own, to see whether anything comes back. */

import { MAX_MESSAGE_BYTES } from '../wire/header.ts';
import type { MessageView } from '../wire/view.ts';
import type { OpenChannel } from './channel.ts';
import type { Dialer } from './dialer.ts';
import type { Endpoint } from './endpoint.ts';
import { type Asker, Exchange, type OnStray } from './exchange.ts';
import { StreamConnection } from './stream-connection.ts';
import { type UdpServices, UdpSocket } from './udp-socket.ts';

const DIAL_TIMEOUT_MS = 2000;
const READ_TIMEOUT_MS = 1000;

export type ProbeServices = UdpServices & { readonly onStray: OnStray };

/** Returns what gives it up. */
export function probeUdp(
  question: MessageView,
  asker: Asker,
  services: ProbeServices,
  endpoint: Endpoint,
  sourceAddress: string | undefined,
): () => void {
  const nowMs = services.nowMs();
  try {
    const socket = new UdpSocket(endpoint, services, {
      sourceAddress,
      readTimeoutMs: READ_TIMEOUT_MS,
      idleMs: READ_TIMEOUT_MS,
      maxQueries: 1,
      retireAtMs: nowMs,
      onStray: services.onStray,
      onClosed: () => {},
    });
    socket.ask(exchangeOf(question, asker, nowMs), nowMs);
    socket.retire();
    return () => socket.abort();
  } catch (error) {
    asker.onFailure(error instanceof Error ? error : new Error(String(error)));
    return () => {};
  }
}

/** Returns what gives it up. */
export function probeStream(
  question: MessageView,
  asker: Asker,
  services: ProbeServices & { readonly openChannel: OpenChannel },
  dialer: Dialer,
  endpoint: Endpoint,
): () => void {
  let giveUp = dialer.dial(DIAL_TIMEOUT_MS, (result) => {
    if (result instanceof Error) {
      asker.onFailure(result);
      return;
    }
    const nowMs = services.nowMs();
    const connection = new StreamConnection(result, endpoint.text, {
      openChannel: services.openChannel,
      wheel: services.wheel,
      nowMs: services.nowMs,
      readTimeoutMs: READ_TIMEOUT_MS,
      idleMs: READ_TIMEOUT_MS,
      retireAtMs: nowMs,
      onStray: services.onStray,
      onProven: () => {},
      onIdle: () => {},
      onClosed: () => {},
      onMoved: () => asker.onFailure(new Error(`probe tcp ${endpoint.text}: EOF`)),
    });
    giveUp = () => connection.abort();
    connection.ask(exchangeOf(question, asker, nowMs), nowMs);
    connection.retire();
  });
  return () => giveUp();
}

function exchangeOf(request: MessageView, asker: Asker, nowMs: number): Exchange {
  const deadlineMs = nowMs + READ_TIMEOUT_MS;
  return new Exchange({ request, asker, receiveLimitBytes: MAX_MESSAGE_BYTES, deadlineMs, headerSuffices: true });
}
