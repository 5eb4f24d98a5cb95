import type { Cursor, Key, ServerBlock, Token } from './cursor.ts';

const INDENT = '    ';

/** The effective Corefile: imports and variables followed, one zone per key, one directive per line. */
export function formatCorefile(blocks: readonly ServerBlock[]): string {
  return blocks.map(formatBlock).join('\n');
}

function formatBlock({ keys, directives }: ServerBlock): string {
  return `${keys.map(formatKey).join(' ')} {\n${directives.map((line) => formatLine(line, INDENT)).join('')}}\n`;
}

function formatKey({ transport, zone, port }: Key): string {
  // What looks like a scheme can also be part of a zone.
  const scheme = transport === 'dns' && !zone.includes('://') ? '' : `${transport}://`;
  return quoted(`${scheme}${zone}:${port}`);
}

/** One directive with its properties. */
export function formatLine({ name, args, body }: Cursor, indent: string): string {
  const words = [name, ...args].map((token: Token) => quoted(token.text)).join(' ');
  if (body.length === 0) return `${indent}${words}\n`;
  return `${indent}${words} {\n${body.map((line) => formatLine(line, indent + INDENT)).join('')}${indent}}\n`;
}

/** In quotes where the bare word would be read as something else. */
function quoted(text: string): string {
  const isPlain = text !== '' && text !== '{' && text !== '}' && !/[\s\x85#]|^"/.test(text);
  return isPlain ? text : `"${text.replaceAll('"', '\\"')}"`;
}
