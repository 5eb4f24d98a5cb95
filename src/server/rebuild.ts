import { OPT_FIXED_BYTES, type OptFields } from '../wire/edns.ts';
import { FLAG_TC, MAX_MESSAGE_BYTES } from '../wire/header.ts';
import { TYPE_OPT } from '../wire/types.ts';
import type { MessageView } from '../wire/view.ts';
import type { MessageWriter } from '../wire/writer.ts';

/**
 * Writes a response anew for a client that spells the question otherwise, or cannot take all of it: record by record,
 * until the next one does not fit in `limitBytes`. Then TC says that the rest is to be had over TCP.
 */
export function rebuild(
  writer: MessageWriter,
  request: MessageView,
  response: MessageView,
  { flags, limitBytes, opt }: { flags: number; limitBytes: number; opt: OptFields | undefined },
): Uint8Array {
  writer.start(request.id, flags);
  writer.setLimit(limitBytes - optBytes(opt));
  writer.copyQuestion(request);
  for (let i = 0; i < response.recordCount; i++) {
    if (response.typeOf(i) === TYPE_OPT) continue;
    if (writer.copyRecord(response, i)) continue;
    writer.setFlags(flags | FLAG_TC);
    break;
  }
  writer.setLimit(MAX_MESSAGE_BYTES);
  if (opt !== undefined) writer.opt(opt);
  return writer.finish();
}

/** What an OPT record takes. */
export function optBytes(opt: OptFields | undefined): number {
  return opt === undefined ? 0 : OPT_FIXED_BYTES + opt.options.length;
}
