import { createHash } from 'node:crypto';
import type { Corefile, Cursor, Token } from './cursor.ts';

/**
 * SHA-512, in hex, over keys and words with their file and line: a comment behind the last word changes nothing, a line
 * moved does.
 */
export function fingerprint(corefile: Corefile): string {
  const blocks = corefile.blocks.map(({ keys, directives }) => [
    keys.map(({ transport, zone, port }) => [transport, zone, port]),
    directives.map(syntaxOf),
  ]);
  return createHash('sha512').update(JSON.stringify(blocks)).digest('hex');
}

function syntaxOf({ name, args, body }: Cursor): unknown {
  return [[name, ...args].map(({ text, file, line }: Token) => [text, file, line]), body.map(syntaxOf)];
}
