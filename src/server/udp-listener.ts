import { setImmediate as nextTurn } from 'node:timers/promises';
import { DatagramBatch, PATH_WORDS, pathAddress, pathFamily, pathLocalAddress, pathPort } from '../sys/datagrams.ts';
import type { Poller } from '../sys/poller.ts';
import { close, droppedDatagrams, isWildcard, leaveSelection, localPort, openUdp } from '../sys/socket.ts';
import { HEADER_BYTES } from '../wire/header.ts';
import type { Client, Receive } from './client.ts';
import type { RingReader } from './responder/ring.ts';
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
  /** The address need not be there yet. */
  readonly mayComeLater?: boolean;
  /** So many sockets are opened for responders to read; without them there is one, which is read here. */
  readonly responderCount?: number;
};

/** A socket, and what leaves by it from this thread. */
type Outlet = { readonly fd: number; readonly outbox: Outbox };

/**
 * The UDP sockets of one address and port, written in batches, and read as well unless responders do that: then `deliver`
 * takes what they hand over. It outlives reloads of the configuration.
 */
export class UdpListener {
  readonly address: string;
  readonly port: number;
  readonly #isReadHere: boolean;
  readonly #outlets: readonly Outlet[];
  readonly #poller: Poller;
  readonly #batch = new DatagramBatch();
  #receive: Receive;
  #slab = new Slab();
  #isStarted = false;
  #closing: Promise<void> | undefined;

  /** Opens the sockets; throws a SystemError, and leaves none open, if one cannot be had. Queries wait until `start`. */
  constructor(options: UdpListenerOptions) {
    const { address, port, poller, receive, onDropped, mayComeLater = false, responderCount = 0 } = options;
    const outlets: Outlet[] = [];
    try {
      for (let i = 0; i < Math.max(1, responderCount); i++) {
        const fd = openUdp({
          address,
          port: i === 0 ? port : localPort(outlets[0].fd),
          packetInfo: isWildcard(address),
          mayComeLater,
        });
        outlets.push({ fd, outbox: new Outbox(fd, onDropped) });
      }
    } catch (error) {
      for (const { fd } of outlets) close(fd);
      throw error;
    }
    this.#outlets = outlets;
    this.#isReadHere = responderCount === 0;
    this.address = address;
    this.port = localPort(outlets[0].fd);
    this.#poller = poller;
    this.#receive = receive;
  }

  /** The sockets' descriptors, one for each responder. */
  get fds(): number[] {
    return this.#outlets.map(({ fd }) => fd);
  }

  /** Which of the sockets the replies of that outbox leave by. */
  indexOf(outbox: Outbox): number {
    return this.#outlets.findIndex((outlet) => outlet.outbox === outbox);
  }

  start(): void {
    if (this.#isStarted || this.#closing !== undefined) return;
    this.#isStarted = true;
    if (!this.#isReadHere) return;
    for (const outlet of this.#outlets) this.#poller.add(outlet.fd, () => this.#readBatch(outlet));
  }

  /** Queries from now on go to `receive`. */
  setReceive(receive: Receive): void {
    this.#receive = receive;
  }

  /** Has `receive` take a query that a responder has read from its socket. */
  deliver(responder: number, reader: RingReader, receive: Receive = this.#receive): void {
    const { words, pathWord, bytes, messageOffset, messageBytes, arrivedAtMs } = reader;
    const slab = this.#slabFor(messageBytes);
    const word = slab.takePath();
    slab.words.set(words.subarray(pathWord, pathWord + PATH_WORDS), word);
    const message = slab.copy(bytes.subarray(messageOffset, messageOffset + messageBytes));
    receive(message, new UdpClient(this, this.#outlets[responder].outbox, slab, word), arrivedAtMs);
  }

  /** How many datagrams the sockets had no room for so far, modulo 2^32. */
  get droppedDatagrams(): number {
    return this.#outlets.reduce((sum, { fd }) => sum + droppedDatagrams(fd), 0) >>> 0;
  }

  /**
   * Takes the sockets out of the kernel's selection first, so that other sockets of the port get what comes; then answers
   * what their queues still hold, waits up to `graceMs` for the answers under way, and only then closes them. `release`
   * is to have whoever else reads them let go of them; if that fails they stay open, for their numbers may not become those
   * of other sockets.
   */
  close({ graceMs = GRACE_MS, release }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#drainAndClose(graceMs, release);
    return this.#closing;
  }

  async #drainAndClose(graceMs: number, release: CloseOptions['release']): Promise<void> {
    let isReleased = true;
    if (this.#isStarted) {
      for (const { fd } of this.#outlets) {
        if (this.#isReadHere) this.#poller.remove(fd);
        leaveSelection(fd);
      }
      if (release !== undefined) isReleased = await release();
      await this.#drain();
      await Promise.all(this.#outlets.map(({ outbox }) => outbox.settled(graceMs)));
      // What another core was just putting into a queue when its socket left.
      await this.#drain();
    }
    for (const { fd, outbox } of this.#outlets) {
      outbox.close();
      if (isReleased) close(fd);
    }
  }

  async #drain(): Promise<void> {
    for (const outlet of this.#outlets) while (this.#readBatch(outlet)) await nextTurn();
  }

  /** Serves up to a batch of queries; false if none waited. */
  #readBatch(outlet: Outlet): boolean {
    const batch = this.#batch;
    const count = batch.receive(outlet.fd);
    if (count < 0) return false;
    outlet.outbox.hold();
    try {
      for (let slot = 0; slot < count; slot++) {
        const messageBytes = batch.messageLength(slot);
        if (messageBytes < HEADER_BYTES) continue;
        const slab = this.#slabFor(messageBytes);
        const word = slab.takePath();
        batch.copyPath(slot, slab.words, word);
        const offset = batch.messageOffset(slot);
        const message = slab.copy(batch.bytes.subarray(offset, offset + messageBytes));
        this.#receive(message, new UdpClient(this, outlet.outbox, slab, word));
      }
    } finally {
      outlet.outbox.flush();
    }
    return true;
  }

  #slabFor(messageBytes: number): Slab {
    if (!this.#slab.hasRoom(messageBytes)) this.#slab = new Slab();
    return this.#slab;
  }
}

type CloseOptions = { readonly graceMs?: number; readonly release?: () => Promise<boolean> };

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

  get socketIndex(): number {
    return this.#outbox === undefined ? -1 : this.#listener.indexOf(this.#outbox);
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
