import { FLAG_AD, FLAG_TC, HEADER_BYTES } from '../../wire/header.ts';
import { namesEqual, ROOT_NAME, readName, type WireName } from '../../wire/name.ts';
import { CLASS_IN, TYPE_CNAME, TYPE_OPT } from '../../wire/types.ts';
import { MessageView, parseMessage, SECTION_ANSWER } from '../../wire/view.ts';
import { MessageWriter } from '../../wire/writer.ts';

const writer = new MessageWriter();

/** The request with another name in its question. */
export function renamedRequest(request: MessageView, qname: WireName): MessageView {
  writer.start(request.id, request.flags);
  writer.question(qname, request.qtype, request.qclass);
  for (let index = 0; index < request.recordCount; index++) writer.copyRecord(request, index);
  return parseMessage(writer.finish());
}

/**
 * The response to the question for another name as the response to `request`: if there are records of that name, behind an
 * alias that leads to it, so that clients see why they get them. Nobody has signed that, so it is not authentic (AD). No
 * TTL is above `maxTtl`.
 */
export function answerTo(request: MessageView, response: MessageView, maxTtl: number): MessageView {
  const qname = readName(request.bytes, HEADER_BYTES) ?? ROOT_NAME;
  const flags = response.flags & ~FLAG_AD;
  writer.start(response.id, flags);
  writer.copyQuestion(request);
  const alias = firstOther(response, qname);
  if (alias !== undefined) {
    const record = { owner: qname, type: TYPE_CNAME, class: CLASS_IN, ttl: Math.min(alias.ttl, maxTtl) };
    writer.record(SECTION_ANSWER, { ...record, rdata: alias.owner });
  }
  if (!copyRecords(response, maxTtl)) writer.setFlags(flags | FLAG_TC);
  const bytes = writer.finish();
  return response.isOurs ? MessageView.trusted(bytes) : parseMessage(bytes);
}

/** Owner and TTL of the first answer that is not of the name. */
function firstOther(view: MessageView, qname: WireName): { owner: WireName; ttl: number } | undefined {
  for (let index = 0; index < view.answerCount; index++) {
    const owner = readName(view.bytes, view.ownerOffset(index));
    if (owner !== undefined && !namesEqual(owner, qname)) return { owner, ttl: view.ttlOf(index) };
  }
  return undefined;
}

/** False: one does not fit into a message, with all behind it. */
function copyRecords(view: MessageView, maxTtl: number): boolean {
  for (let index = 0; index < view.recordCount; index++) {
    // What looks like a TTL in OPT is something else.
    const ttl = view.typeOf(index) === TYPE_OPT ? view.ttlOf(index) : Math.min(view.ttlOf(index), maxTtl);
    if (!writer.copyRecord(view, index, view.sectionOf(index), ttl)) return false;
  }
  return true;
}
