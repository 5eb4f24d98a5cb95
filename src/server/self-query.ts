import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { EAGAIN } from '../sys/errno.ts';
import type { Poller } from '../sys/poller.ts';
import { close, connectTcp, connectUdp, localPort, receive, SELF_MARK, send, setMark } from '../sys/socket.ts';
import { FLAG_QR, FLAGS_OFFSET, HEADER_BYTES, OPCODE_SHIFT } from '../wire/header.ts';
import type { Client } from './client.ts';
import { frame, LENGTH_BYTES } from './tcp-framing.ts';

/**
 * Answered NOTIMP from the header alone, so that no directive, cache or counter sees it; and what is no QUERY goes from
 * the responders to the resolver, so that its arrival proves the whole way.
 */
const OPCODE_STATUS = 2;
const TOKEN_BYTES = 8;
const MESSAGE_BYTES = HEADER_BYTES + TOKEN_BYTES;

/** The kernel chooses among the sockets of a port by the client's port: so many are tried at once for each of ours. */
const TRIES_PER_SOCKET = 4;
const TRIES_OVER_TCP = 2;
/** The ring to the resolver may be full, or the answer lost: then other ports are tried. */
const TRY_MS = 400;
/** Stands for the TCP socket among the indexes of those of UDP. */
const OVER_TCP = -1;

type Place = { readonly address: string; readonly port: number };
/** What asks once: resolves when it has an answer, or after `patienceMs` to false. */
type Ask = (message: Uint8Array, patienceMs: number) => Promise<boolean>;

/** The queries of one listener to itself. Other processes may listen at the same place: only its own arrivals count. */
export class SelfQuery {
  readonly #poller: Poller;
  /** By token: the socket that brought it, undefined until it arrives. */
  readonly #arrivals = new Map<string, number | undefined>();
  /** The ports that our queries over TCP come from, and which of them the listener has turned away. */
  readonly #tcpPorts = new Map<number, boolean>();

  constructor(poller: Poller) {
    this.#poller = poller;
  }

  /** To be called with each message that arrives, before it is answered. */
  arrived(message: Uint8Array, client: Client): void {
    if (this.#arrivals.size === 0 || message.length !== MESSAGE_BYTES || !isStatus(message)) return;
    const token = tokenOf(message);
    if (this.#arrivals.has(token)) this.#arrivals.set(token, client.socketIndex ?? OVER_TCP);
  }

  /**
   * Says whether a connection that the listener has closed at once, because there are too many, was ours. It lives then, and
   * clients that hold all its connections shall not cost the others the address.
   */
  turnedAway(clientPort: number | undefined): boolean {
    if (clientPort === undefined || !this.#tcpPorts.has(clientPort)) return false;
    this.#tcpPorts.set(clientPort, true);
    return true;
  }

  /** Whether each of the UDP sockets and the TCP socket of that place answers, within `deadlineMs`. */
  async ask(place: Place, udpSocketCount: number, deadlineMs: number): Promise<boolean> {
    const endsAtMs = performance.now() + deadlineMs;
    const indexes = Array.from({ length: udpSocketCount }, (_, index) => index);
    const askUdp: Ask = (message, patienceMs) => this.#askUdp(place, message, patienceMs);
    const askTcp: Ask = (message, patienceMs) => this.#askTcp(place, message, patienceMs);
    const udp = this.#reach(indexes, udpSocketCount * TRIES_PER_SOCKET, endsAtMs, askUdp);
    const tcp = this.#reach([OVER_TCP], TRIES_OVER_TCP, endsAtMs, askTcp);
    return (await Promise.all([udp, tcp])).every(Boolean);
  }

  /** Asks until every one of these sockets has brought a query that was answered. */
  async #reach(sockets: readonly number[], triesAtOnce: number, endsAtMs: number, ask: Ask): Promise<boolean> {
    const missing = new Set(sockets);
    const reached = Promise.withResolvers<void>();
    const keepAsking = async () => {
      while (missing.size > 0) {
        const patienceMs = Math.min(TRY_MS, endsAtMs - performance.now());
        if (patienceMs <= 0) return;
        const socket = await this.#try(ask, patienceMs);
        if (socket !== undefined) missing.delete(socket);
      }
      // Those that another process has and does not answer are not waited for.
      reached.resolve();
    };
    await Promise.race([reached.promise, Promise.all(Array.from({ length: triesAtOnce }, keepAsking))]);
    return missing.size === 0;
  }

  /** The socket of ours that has brought and answered one query; undefined if none has. */
  async #try(ask: Ask, patienceMs: number): Promise<number | undefined> {
    const message = newMessage();
    const token = tokenOf(message);
    this.#arrivals.set(token, undefined);
    try {
      const isAnswered = await ask(message, patienceMs);
      return isAnswered ? this.#arrivals.get(token) : undefined;
    } finally {
      this.#arrivals.delete(token);
    }
  }

  async #askUdp({ address, port }: Place, message: Uint8Array, patienceMs: number): Promise<boolean> {
    const answer = Buffer.alloc(MESSAGE_BYTES);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let fd: number;
    try {
      fd = connectUdp(address, port);
    } catch {
      return pause(patienceMs); // The address is not there yet, or no longer.
    }
    setMark(fd, SELF_MARK);
    this.#poller.add(fd, () => {
      const received = receive(fd, answer);
      if (received === -EAGAIN || (received > 0 && !isAnswer(answer.subarray(0, received), message))) return;
      resolve(received > 0);
    });
    const timer = setTimeout(() => resolve(false), patienceMs);
    send(fd, message);
    const isAnswered = await promise;
    clearTimeout(timer);
    this.#poller.remove(fd);
    close(fd);
    return isAnswered || pause(patienceMs);
  }

  async #askTcp({ address, port }: Place, message: Uint8Array, patienceMs: number): Promise<boolean> {
    let fd: number;
    try {
      fd = connectTcp(address, port, SELF_MARK);
    } catch {
      return pause(patienceMs);
    }
    const clientPort = localPort(fd);
    this.#tcpPorts.set(clientPort, false);
    const socket = new net.Socket({ fd });
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.setTimeout(patienceMs, () => resolve(false));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    // A header with its length in front comes in one piece.
    socket.once('data', (chunk: Buffer) => resolve(isAnswer(chunk.subarray(LENGTH_BYTES), message)));
    socket.write(frame(message));
    const isAnswered = await promise;
    socket.destroy();
    const isTurnedAway = this.#tcpPorts.get(clientPort) === true;
    this.#tcpPorts.delete(clientPort);
    if (isTurnedAway) this.#arrivals.set(tokenOf(message), OVER_TCP);
    return isAnswered || isTurnedAway || pause(patienceMs);
  }
}

/** What failed at once is not tried again at once. */
async function pause(patienceMs: number): Promise<false> {
  await new Promise((resolve) => setTimeout(resolve, patienceMs / 4));
  return false;
}

function newMessage(): Uint8Array {
  const message = new Uint8Array(MESSAGE_BYTES);
  message.set(randomBytes(2));
  message[FLAGS_OFFSET] = OPCODE_STATUS << (OPCODE_SHIFT - 8);
  message.set(randomBytes(TOKEN_BYTES), HEADER_BYTES);
  return message;
}

function isStatus(message: Uint8Array): boolean {
  return message[FLAGS_OFFSET] === OPCODE_STATUS << (OPCODE_SHIFT - 8);
}

function tokenOf(message: Uint8Array): string {
  return Buffer.from(message.subarray(HEADER_BYTES, MESSAGE_BYTES)).toString('latin1');
}

function isAnswer(answer: Uint8Array, message: Uint8Array): boolean {
  if (answer.length < HEADER_BYTES || answer[0] !== message[0] || answer[1] !== message[1]) return false;
  return (answer[FLAGS_OFFSET] & (FLAG_QR >>> 8)) !== 0;
}
