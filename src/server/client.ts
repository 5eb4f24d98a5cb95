/** Who asked, and the way back. */
export interface Client {
  readonly protocol: 'udp' | 'tcp';
  readonly family: 4 | 6;
  /** Text, made when first asked for; a v4-mapped address is shown as IPv4. */
  readonly address: string;
  readonly port: number;
  /** The address that the query was sent to, on wildcard listeners as well. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Which of the listener's UDP sockets brought it; none over TCP. */
  readonly socketIndex?: number;

  /**
   * Sends one whole DNS message. It may be called later and from any async context, and copies what it needs before it
   * returns. Once the client or its listener has gone it does nothing.
   */
  send(message: Uint8Array): void;

  /**
   * Says that no answer will come, on purpose. Each query ends with `send` or `drop`: a TCP connection counts its queries
   * in flight, and a listener that closes waits for the answers of those that it took.
   */
  drop(): void;
}

/**
 * Takes one whole DNS message of at least 12 bytes; the bytes are the receiver's own. It must not throw. `arrivedAtMs` is
 * given if it arrived a while ago.
 */
export type Receive = (message: Uint8Array, client: Client, arrivedAtMs?: number) => void;
