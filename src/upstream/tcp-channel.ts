import type net from 'node:net';
import { writeU16 } from '../wire/bytes.ts';
import { ID_OFFSET } from '../wire/header.ts';
import type { Channel, ChannelEvents } from './channel.ts';
import { FrameReader } from './frame-reader.ts';

const LENGTH_BYTES = 2;

/** DNS over TCP and TLS: each message behind its length (RFC 1035 §4.2.2). */
export class TcpChannel implements Channel {
  readonly #socket: net.Socket;
  readonly #events: ChannelEvents;
  readonly #reader = new FrameReader();
  #corked = false;

  constructor(socket: net.Socket, events: ChannelEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('data', (chunk: Uint8Array) => this.#onData(chunk));
    socket.on('end', () => this.#onPeerClosed('EOF'));
    socket.on('close', () => this.#onPeerClosed('EOF'));
    // A peer that closes while a query is on its way resets the connection.
    socket.on('error', (error) => this.#onPeerClosed(error.message));
  }

  send(message: Uint8Array, id: number): void {
    const frame = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
    writeU16(frame, 0, message.length);
    frame.set(message, LENGTH_BYTES);
    writeU16(frame, LENGTH_BYTES + ID_OFFSET, id);
    this.#cork();
    this.#socket.write(frame);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** What is asked in one go leaves in one go. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  #onData(chunk: Uint8Array): void {
    const isDns = this.#reader.push(chunk, this.#events.onMessage);
    if (!isDns) this.#events.onClosed('a message shorter than its header', -1);
  }

  #onPeerClosed(text: string): void {
    if (this.#reader.isBetween) this.#events.onClosed(text, -1);
    else this.#events.onClosed('unexpected EOF', this.#reader.partialId);
  }
}
