import { ProtobufWriter } from '../../observe/protobuf.ts';
import { parseAddress } from '../../wire/address.ts';

// Fields of dnstap.proto, https://github.com/dnstap/dnstap.pb.
const DNSTAP = { identity: 1, version: 2, extra: 3, message: 14, type: 15 };
const MESSAGE = {
  type: 1,
  socketFamily: 2,
  socketProtocol: 3,
  queryAddress: 4,
  responseAddress: 5,
  queryPort: 6,
  responsePort: 7,
  queryTimeSec: 8,
  queryTimeNsec: 9,
  queryMessage: 10,
  responseTimeSec: 12,
  responseTimeNsec: 13,
  responseMessage: 14,
};
const TYPE_MESSAGE = 1;
const INET = 1;
const INET6 = 2;
const MESSAGE_TYPES = { clientQuery: 5, clientResponse: 6, forwarderQuery: 7, forwarderResponse: 8 } as const;
const SOCKET_PROTOCOLS = { udp: 1, tcp: 2, tls: 3, https: 4 } as const;

const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;
/** The pods of a node, and what they ask. */
const MAX_ADDRESSES = 1024;

export type TapMessage = {
  readonly type: keyof typeof MESSAGE_TYPES;
  readonly protocol: keyof typeof SOCKET_PROTOCOLS;
  /** Who asks, and who is asked, as far as they are known. */
  readonly query?: TapAddress;
  readonly response?: TapAddress;
  /** Milliseconds since 1970, with their fractions. */
  readonly queryUnixMs: number;
  readonly responseUnixMs?: number;
  readonly queryMessage?: Uint8Array | undefined;
  readonly responseMessage?: Uint8Array | undefined;
};

/** `address` may name a zone: `fe80::1%eth0`. */
export type TapAddress = { readonly address: string; readonly port: number };

export type Encode = (message: TapMessage, extra: string | undefined) => Uint8Array;

/** Makes payloads of the content type `protobuf:dnstap.Dnstap`. */
export function payloadEncoder(identity: string, version: string): Encode {
  const payload = new ProtobufWriter();
  const inner = new ProtobufWriter();
  const addresses = new AddressBook();
  const [identityBytes, versionBytes] = [Buffer.from(identity), Buffer.from(version)];
  return (message, extra) => {
    writeMessage(inner.clear(), message, addresses);
    payload.clear();
    payload.bytes(DNSTAP.identity, identityBytes);
    payload.bytes(DNSTAP.version, versionBytes);
    if (extra !== undefined) payload.string(DNSTAP.extra, extra);
    payload.message(DNSTAP.message, inner);
    payload.uint(DNSTAP.type, TYPE_MESSAGE);
    return payload.finish();
  };
}

function writeMessage(writer: ProtobufWriter, message: TapMessage, addresses: AddressBook): void {
  const { query, response, queryMessage, responseMessage, responseUnixMs } = message;
  const queryAddress = addresses.bytesOf(query);
  const responseAddress = addresses.bytesOf(response);
  const family = (queryAddress ?? responseAddress)?.length === 4 ? INET : INET6;
  writer.uint(MESSAGE.type, MESSAGE_TYPES[message.type]);
  writer.uint(MESSAGE.socketFamily, family);
  writer.uint(MESSAGE.socketProtocol, SOCKET_PROTOCOLS[message.protocol]);
  if (queryAddress !== undefined) writer.bytes(MESSAGE.queryAddress, queryAddress);
  if (responseAddress !== undefined) writer.bytes(MESSAGE.responseAddress, responseAddress);
  if (query !== undefined) writer.uint(MESSAGE.queryPort, query.port);
  if (response !== undefined) writer.uint(MESSAGE.responsePort, response.port);
  writeTime(writer, MESSAGE.queryTimeSec, message.queryUnixMs);
  if (queryMessage !== undefined) writer.bytes(MESSAGE.queryMessage, queryMessage);
  if (responseUnixMs !== undefined) writeTime(writer, MESSAGE.responseTimeSec, responseUnixMs);
  if (responseMessage !== undefined) writer.bytes(MESSAGE.responseMessage, responseMessage);
}

/** Seconds, and in the next field what is over in nanoseconds. */
function writeTime(writer: ProtobufWriter, field: number, unixMs: number): void {
  const seconds = Math.floor(unixMs / MS_PER_SECOND);
  writer.uint(field, seconds);
  writer.fixed32(field + 1, Math.floor((unixMs - seconds * MS_PER_SECOND) * NANOS_PER_MS));
}

/** To read an address anew for each message took a tenth of the time (measured). */
class AddressBook {
  readonly #known = new Map<string, Uint8Array>();

  bytesOf(place: TapAddress | undefined): Uint8Array | undefined {
    if (place === undefined) return undefined;
    const known = this.#known.get(place.address);
    if (known !== undefined) return known;
    const bytes = parseAddress(place.address);
    if (bytes === undefined) return undefined;
    if (this.#known.size === MAX_ADDRESSES) this.#known.clear();
    this.#known.set(place.address, bytes);
    return bytes;
  }
}
