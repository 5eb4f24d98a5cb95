import type net from 'node:net';

/** What a connection hears from its channel. */
export type ChannelEvents = {
  /** Takes a whole message, which is the receiver's own; false when it wants no more of them. */
  readonly onMessage: (message: Uint8Array) => boolean;
  /** The query with that id will get no message. */
  readonly onFailed: (id: number, text: string) => void;
  /** The peer takes no more queries, but still answers those that it has. */
  readonly onEnding: () => void;
  /** Nothing comes any more; `culpritId` is that of the message in which it broke off, else -1. May be called twice. */
  readonly onClosed: (text: string, culpritId: number) => void;
};

/** The way of whole messages over one established connection. */
export interface Channel {
  /** Sends a copy of the message under that id. */
  send(message: Uint8Array, id: number): void;
  close(): void;
}

export type OpenChannel = (socket: net.Socket, events: ChannelEvents) => Channel;
