/**
 * Frame Streams, as dnstap's collectors speak it (https://farsightsec.github.io/fstrm/), between who writes and who reads:
 *
 *   writer: READY(content types)   reader: ACCEPT(content types)
 *   writer: START(content type), data frames …, STOP   reader: FINISH
 *
 * Data frame: u32 length, data. Control frame: u32 0, u32 length, u32 type, fields: u32 field type, u32 length, value.
 */
const WORD = 4;
const ESCAPE = 0;
const FIELD_CONTENT_TYPE = 1;
const MAX_CONTROL_BYTES = 512;
const TYPES = { accept: 1, start: 2, stop: 3, ready: 4, finish: 5 } as const;

export const CONTENT_TYPE = 'protobuf:dnstap.Dnstap';

export type ControlType = keyof typeof TYPES;
export type ControlFrame = { readonly type: ControlType; readonly contentTypes: readonly string[] };

export function controlFrame(type: ControlType, contentType?: string): Buffer {
  const value = contentType === undefined ? undefined : Buffer.from(contentType);
  const bodyBytes = WORD + (value === undefined ? 0 : 2 * WORD + value.length);
  const words = [ESCAPE, bodyBytes, TYPES[type]];
  if (value !== undefined) words.push(FIELD_CONTENT_TYPE, value.length);
  return Buffer.concat([...words.map(word), value ?? Buffer.alloc(0)]);
}

/** The payloads in their frames, one behind the other. */
export function dataFrames(payloads: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(payloads.reduce((sum, { length }) => sum + WORD + length, 0));
  let offset = 0;
  for (const payload of payloads) {
    offset = bytes.writeUInt32BE(payload.length, offset);
    bytes.set(payload, offset);
    offset += payload.length;
  }
  return bytes;
}

/**
 * Reads the control frames that a reader sends, out of any pieces. Gets each piece; gives the frames that it completes.
 * Throws for what is none.
 */
export function controlReader(): (piece: Uint8Array) => ControlFrame[] {
  let pending = Buffer.alloc(0);
  return (piece) => {
    pending = Buffer.concat([pending, piece]);
    const frames: ControlFrame[] = [];
    while (pending.length >= 2 * WORD) {
      const length = pending.readUInt32BE(WORD);
      if (pending.readUInt32BE(0) !== ESCAPE || length < WORD || length > MAX_CONTROL_BYTES) {
        throw new Error('what it sends is no control frame of Frame Streams');
      }
      if (pending.length < 2 * WORD + length) break;
      frames.push(readControl(pending.subarray(2 * WORD, 2 * WORD + length)));
      pending = pending.subarray(2 * WORD + length);
    }
    return frames;
  };
}

function readControl(body: Buffer): ControlFrame {
  const number = body.readUInt32BE(0);
  const type = (['accept', 'start', 'stop', 'ready', 'finish'] as const).find((name) => TYPES[name] === number);
  if (type === undefined) throw new Error(`it sends a control frame of the unknown type ${number}`);
  const contentTypes: string[] = [];
  for (let offset = WORD; offset + 2 * WORD <= body.length; ) {
    const [field, length] = [body.readUInt32BE(offset), body.readUInt32BE(offset + WORD)];
    offset += 2 * WORD + length;
    if (field === FIELD_CONTENT_TYPE) contentTypes.push(body.toString('latin1', offset - length, offset));
  }
  return { type, contentTypes };
}

function word(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(WORD);
  bytes.writeUInt32BE(value);
  return bytes;
}
