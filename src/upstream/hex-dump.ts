const LINE_BYTES = 16;

/**
 * The bytes for a log, in the form that text2pcap reads: 16 a line behind their offset, and the length alone at the end.
 * Each line begins with `debug: `, by which CoreDNS's lines are found as well.
 */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += LINE_BYTES) {
    const line = Array.from(bytes.subarray(offset, offset + LINE_BYTES), (byte) => ` ${hex(byte, 2)}`);
    lines.push(`debug: ${hex(offset, 6)}${line.join('')}`);
  }
  lines.push(`debug: ${hex(bytes.length, 6)}`);
  return lines.join('\n');
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
