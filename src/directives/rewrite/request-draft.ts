import { EDNS_VERSION } from '../../wire/edns.ts';
import { HEADER_BYTES } from '../../wire/header.ts';
import { nameFromText, ROOT_NAME, readName, type WireName } from '../../wire/name.ts';
import { type MessageView, parseMessage } from '../../wire/view.ts';
import type { MessageWriter } from '../../wire/writer.ts';
import type { Query } from '../contract.ts';
import { type EdnsOption, encodeOptions, readOptions } from './edns-options.ts';

/** What an OPT that we add offers, as CoreDNS has it. */
const ADDED_PAYLOAD_BYTES = 4096;

/** A request while rules change it. */
export class RequestDraft {
  readonly query: Query;
  qtype: number;
  qclass: number;
  /** What a rule has made of the name, if it can be no name. */
  invalidName: string | undefined;
  /** As a rule has made it, in lower case; undefined: the client's. */
  #name: string | undefined;
  #wireName: WireName | undefined;
  #options: readonly EdnsOption[] | undefined;

  constructor(query: Query) {
    this.query = query;
    this.qtype = query.qtype;
    this.qclass = query.qclass;
  }

  /** As it is spelled. */
  get spelledName(): string {
    return this.#name ?? this.query.request.qname;
  }

  /** In lower case. */
  get name(): string {
    return this.#name ?? this.query.qname;
  }

  /** `name` in presentation format and in lower case. */
  rename(name: string): void {
    this.#name = name;
    this.#wireName = nameFromText(name);
    if (this.#wireName === undefined) this.invalidName = name;
  }

  /** Of the OPT, as far as there is one. */
  get options(): readonly EdnsOption[] {
    return this.#options ?? readOptions(this.query.request);
  }

  /** There is an OPT from then on. */
  set options(options: readonly EdnsOption[]) {
    this.#options = options;
  }

  get hasNewOptions(): boolean {
    return this.#options !== undefined;
  }

  /** The request with all that has been changed; the query's own if that is nothing. */
  build(writer: MessageWriter): MessageView {
    const { request } = this.query;
    const asksTheSame = this.qtype === request.qtype && this.qclass === request.qclass;
    if (asksTheSame && this.#wireName === undefined && this.#options === undefined) return request;
    writer.start(request.id, request.flags);
    writer.question(this.#wireName ?? readName(request.bytes, HEADER_BYTES) ?? ROOT_NAME, this.qtype, this.qclass);
    this.#writeRecords(writer);
    return parseMessage(writer.finish());
  }

  /** An OPT stays where it is: a signature (TSIG) comes behind it. */
  #writeRecords(writer: MessageWriter): void {
    const { request } = this.query;
    const { opt } = request;
    const options = this.#options === undefined ? undefined : encodeOptions(this.#options);
    for (let i = 0; i < request.recordCount; i++) {
      if (i === opt?.index && options !== undefined) writer.opt({ ...opt, options });
      else writer.copyRecord(request, i);
    }
    if (opt !== undefined || options === undefined) return;
    const version = EDNS_VERSION;
    writer.opt({ udpPayloadBytes: ADDED_PAYLOAD_BYTES, extendedRcodeBits: 0, version, flags: 0, options });
  }
}
