import { equalIgnoringCase } from '../wire/bytes.ts';
import { HEADER_BYTES } from '../wire/header.ts';
import { expandName, MAX_NAME_BYTES, nameLength, POINTER_BITS, pointerTarget } from '../wire/name.ts';
import { TYPE_ANY, TYPE_CNAME } from '../wire/types.ts';
import type { MessageView } from '../wire/view.ts';

/** Longer chains are followed by no resolver; with records in any order, each may cost a pass over the answer. */
const MAX_CHAIN = 16;

// The two names that are compared, decompressed. Never in use across calls.
const wanted = new Uint8Array(MAX_NAME_BYTES);
const owner = new Uint8Array(MAX_NAME_BYTES);
let wantedBytes = 0;

/**
 * Whether the answer section has a record of the type asked for at the name asked for, or where its chain of CNAMEs
 * leads. The records may stand in any order.
 */
export function answersQuestion(view: MessageView): boolean {
  const { answerCount, questionCount, qtype } = view;
  if (questionCount === 0) return false;
  if (!wantName(view, HEADER_BYTES)) return false;
  let atQuestion = true;
  for (let link = 0; link <= MAX_CHAIN; link++) {
    let target = -1;
    for (let i = 0; i < answerCount; i++) {
      const type = view.typeOf(i);
      if (type !== qtype && type !== TYPE_CNAME && qtype !== TYPE_ANY) continue;
      if (!isWanted(view.bytes, view.ownerOffset(i), atQuestion)) continue;
      if (type === qtype || qtype === TYPE_ANY) return true;
      target = view.rdataOffset(i);
    }
    if (target === -1 || !wantName(view, target)) return false;
    atQuestion = false;
  }
  return false;
}

/** Makes the name at `offset` the one looked for; false if it is malformed. */
function wantName({ bytes }: MessageView, offset: number): boolean {
  wantedBytes = nameLength(bytes, offset);
  if (wantedBytes !== -1) expandName(bytes, offset, wanted, 0);
  return wantedBytes !== -1;
}

/** The owner names were found good when the message was indexed. */
function isWanted(bytes: Uint8Array, offset: number, atQuestion: boolean): boolean {
  if (atQuestion && bytes[offset] >= POINTER_BITS && pointerTarget(bytes, offset) === HEADER_BYTES) return true;
  return nameLength(bytes, offset) === wantedBytes && expandedEquals(bytes, offset);
}

function expandedEquals(bytes: Uint8Array, offset: number): boolean {
  expandName(bytes, offset, owner, 0);
  return equalIgnoringCase(owner, 0, wanted, 0, wantedBytes);
}
