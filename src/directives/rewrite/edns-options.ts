import { concatBytes, copyBytes } from '../../wire/bytes.ts';
import { eachOption, encodeOption } from '../../wire/edns.ts';
import type { MessageView } from '../../wire/view.ts';

export type EdnsOption = { readonly code: number; readonly data: Uint8Array };

/** The options of a message's OPT, in order, as copies. */
export function readOptions({ bytes, opt }: MessageView): EdnsOption[] {
  const options: EdnsOption[] = [];
  if (opt === undefined) return options;
  eachOption(bytes, opt.optionsOffset, opt.optionsLength, (code, offset, length) => {
    options.push({ code, data: copyBytes(bytes, offset, offset + length) });
  });
  return options;
}

export function encodeOptions(options: readonly EdnsOption[]): Uint8Array {
  return concatBytes(options.map(({ code, data }) => encodeOption(code, data)));
}
