import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody } from '../../corefile/values.ts';
import { parseAddress } from '../../wire/address.ts';
import { writeU16 } from '../../wire/bytes.ts';
import { RCODE_NOERROR } from '../../wire/header.ts';
import { MAX_NAME_BYTES, ROOT_NAME, type WireName } from '../../wire/name.ts';
import { TYPE_A, TYPE_AAAA, TYPE_SRV } from '../../wire/types.ts';
import type { Directive, Outcome, Query } from '../contract.ts';
import { askedName, localReply } from '../local-reply.ts';

const SOURCE = 'whoami';
// SRV rdata (RFC 2782): u16 priority, u16 weight, u16 port, target.
const SRV_PORT = 4;
const SRV_TARGET = 6;

/** Syntax: `whoami` */
export function parse(cursor: Cursor): undefined {
  expectArgs(cursor, 0, 0);
  expectNoBody(cursor);
}

/** Answers with who asked: address and port of the client, in the additional section. */
function answer(query: Query): Outcome {
  const qname = askedName(query);
  const common = { class: query.qclass, ttl: 0 };
  const type = query.family === 4 ? TYPE_A : TYPE_AAAA;
  const additionals = [{ ...common, owner: qname, type, rdata: parseAddress(query.clientAddress) ?? new Uint8Array() }];
  const owner = concat(label(`_${query.protocol}`), qname);
  if (owner.length <= MAX_NAME_BYTES) {
    additionals.push({ ...common, owner, type: TYPE_SRV, rdata: srvRdata(query.clientPort) });
  }
  return { response: localReply(query, { additionals }), rcode: RCODE_NOERROR, source: SOURCE };
}

/** Priority and weight 0, the root as target. */
function srvRdata(port: number): Uint8Array {
  const rdata = concat(new Uint8Array(SRV_TARGET), ROOT_NAME);
  writeU16(rdata, SRV_PORT, port);
  return rdata;
}

function label(text: string): WireName {
  return concat(Uint8Array.of(text.length), Buffer.from(text));
}

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

export const whoami: Directive<undefined> = {
  name: SOURCE,
  repeat: 'first',
  parse,
  setup: () => () => answer,
};
