import { setImmediate as nextTurn } from 'node:timers/promises';
import { DatagramBatch, PATH_WORDS, pathAddress, pathFamily, pathLocalAddress, pathPort } from '../sys/datagrams.ts';
import type { Poller } from '../sys/poller.ts';
import { close, isWildcard, leaveSelection, localPort, openUdp } from '../sys/socket.ts';
import { HEADER_BYTES } from '../wire/header.ts';
import type { Client, Receive } from './client.ts';
import { Outbox } from './udp-outbox.ts';

/** How long a listener that closes waits for the answers to what it took; a query's own deadline ends before. */
const GRACE_MS = 5_000;

const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;
const PATH_BYTES = PATH_WORDS * WORD_BYTES;

/**
 * Queries and the paths back to their clients are copied behind each other into slabs: an ArrayBuffer for each would
 * cost ten times as much (measured for 90 bytes: 1.3 µs against 0.13 µs). A query that stays long keeps its slab.
 */
const SLAB_BYTES = 16 * 1024;

export type UdpListenerOptions = {
  /** An IP address, or `''` for all of the host's. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly poller: Poller;
  /** Gets each query; it may answer at once or later. */
  readonly receive: Receive;
  /** Replies that the kernel did not take. */
  readonly onDropped?: (count: number) => void;
};

/** One UDP socket, read and written in batches. It outlives reloads of the configuration. */
export class UdpListener {
  readonly address: string;
  readonly port: number;
  readonly #fd: number;
  readonly #poller: Poller;
  readonly #batch = new DatagramBatch();
  readonly #outbox: Outbox;
  #receive: Receive;
  #slab = new Slab();
  #isStarted = false;
  #closing: Promise<void> | undefined;

  /** Opens the socket; throws a SystemError. Queries wait in its queue until `start`. */
  constructor({ address, port, poller, receive, onDropped }: UdpListenerOptions) {
    this.#fd = openUdp({ address, port, packetInfo: isWildcard(address) });
    this.address = address;
    this.port = localPort(this.#fd);
    this.#poller = poller;
    this.#receive = receive;
    this.#outbox = new Outbox(this.#fd, onDropped);
  }

  start(): void {
    if (this.#isStarted || this.#closing !== undefined) return;
    this.#isStarted = true;
    this.#poller.add(this.#fd, () => this.#readBatch());
  }

  /** Queries from now on go to `receive`. */
  setReceive(receive: Receive): void {
    this.#receive = receive;
  }

  /**
   * Takes the socket out of the kernel's selection first, so that other sockets of the port get what comes; then answers
   * what its queue still holds, waits up to `graceMs` for the answers under way, and only then closes it.
   */
  close({ graceMs = GRACE_MS }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#drainAndClose(graceMs);
    return this.#closing;
  }

  async #drainAndClose(graceMs: number): Promise<void> {
    if (this.#isStarted) {
      this.#poller.remove(this.#fd);
      leaveSelection(this.#fd);
      while (this.#readBatch()) await nextTurn();
      await this.#outbox.settled(graceMs);
      // What another core was just putting into the queue when the socket left.
      while (this.#readBatch()) await nextTurn();
    }
    this.#outbox.close();
    close(this.#fd);
  }

  /** Serves up to a batch of queries; false if none waited. */
  #readBatch(): boolean {
    const count = this.#batch.receive(this.#fd);
    if (count < 0) return false;
    this.#outbox.hold();
    try {
      for (let slot = 0; slot < count; slot++) {
        if (this.#batch.messageLength(slot) >= HEADER_BYTES) this.#take(slot);
      }
    } finally {
      this.#outbox.flush();
    }
    return true;
  }

  #take(slot: number): void {
    const batch = this.#batch;
    const byteCount = batch.messageLength(slot);
    if (!this.#slab.hasRoom(byteCount)) this.#slab = new Slab();
    const slab = this.#slab;
    const word = slab.takePath();
    batch.copyPath(slot, slab.words, word);
    const offset = batch.messageOffset(slot);
    const message = slab.copy(batch.bytes.subarray(offset, offset + byteCount));
    this.#receive(message, new UdpClient(this, this.#outbox, slab, word));
  }
}

/** Memory for queries and paths, filled once from its start to its end. */
class Slab {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  #used = 0;

  constructor() {
    const memory = new ArrayBuffer(SLAB_BYTES);
    this.words = new Uint32Array(memory);
    this.bytes = new Uint8Array(memory);
  }

  hasRoom(messageBytes: number): boolean {
    return this.#used + PATH_BYTES + messageBytes <= SLAB_BYTES;
  }

  /** The word at which the path may be written. */
  takePath(): number {
    const word = this.#used / WORD_BYTES;
    this.#used += PATH_BYTES;
    return word;
  }

  copy(source: Uint8Array): Uint8Array {
    const start = this.#used;
    const end = start + source.length;
    this.bytes.set(source, start);
    this.#used = (end + WORD_BYTES - 1) & -WORD_BYTES;
    return this.bytes.subarray(start, end);
  }
}

class UdpClient implements Client {
  readonly #listener: UdpListener;
  readonly #slab: Slab;
  readonly #word: number;
  /** Undefined once the query has been answered. */
  #outbox: Outbox | undefined;

  constructor(listener: UdpListener, outbox: Outbox, slab: Slab, word: number) {
    this.#listener = listener;
    this.#slab = slab;
    this.#word = word;
    this.#outbox = outbox;
    outbox.expect();
  }

  get protocol(): 'udp' {
    return 'udp';
  }

  get family(): 4 | 6 {
    return pathFamily(this.#slab.bytes, this.#word * WORD_BYTES);
  }

  get address(): string {
    return pathAddress(this.#slab.bytes, this.#word * WORD_BYTES);
  }

  get port(): number {
    return pathPort(this.#slab.bytes, this.#word * WORD_BYTES);
  }

  get localAddress(): string {
    return pathLocalAddress(this.#slab.bytes, this.#word * WORD_BYTES) ?? this.#listener.address;
  }

  get localPort(): number {
    return this.#listener.port;
  }

  send(message: Uint8Array): void {
    const outbox = this.#outbox;
    this.#outbox = undefined;
    outbox?.add(message, this.#slab.words, this.#word);
  }

  drop(): void {
    const outbox = this.#outbox;
    this.#outbox = undefined;
    outbox?.forget();
  }
}
