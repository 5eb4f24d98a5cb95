import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import type { Cursor } from '../corefile/cursor.ts';
import type { Token } from '../corefile/token.ts';

const require = createRequire(import.meta.url);

const MAX_PATTERN_BYTES = 10_000;

/**
 * A regular expression of the Corefile, in the syntax of RE2 as in Go; matching takes time linear in the text. Throws a
 * ConfigError at the token, which `what` introduces.
 */
export function compilePattern(cursor: Cursor, token: Token, what: string): RE2JS {
  const { text } = token;
  if (Buffer.byteLength(text) > MAX_PATTERN_BYTES) {
    throw cursor.error(`${what} must have at most ${MAX_PATTERN_BYTES} bytes`, token);
  }
  // Loaded when first needed: it takes 1 MB.
  const re2js: typeof import('re2js') = require('re2js');
  try {
    return re2js.RE2JS.compile(text);
  } catch (error) {
    if (!(error instanceof re2js.RE2JSException)) throw error;
    throw cursor.error(`${what}: ${error.message}`, token);
  }
}
