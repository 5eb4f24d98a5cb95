import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import type { Cursor } from '../corefile/cursor.ts';
import type { Token } from '../corefile/token.ts';

const require = createRequire(import.meta.url);

export type Pattern = RE2JS;

const MAX_PATTERN_BYTES = 10_000;
/** Instructions that repetitions such as `{1,63}` may add. Each costs some 20 ns per character where groups are wanted. */
const MAX_REPEATED = 600;

/**
 * A regular expression of the Corefile, in the syntax of RE2 as in Go; matching takes time linear in the text. Throws a
 * ConfigError at the token, which `what` introduces.
 */
export function compilePattern(cursor: Cursor, token: Token, what: string): Pattern {
  const { text } = token;
  if (Buffer.byteLength(text) > MAX_PATTERN_BYTES) {
    throw cursor.error(`${what} must have at most ${MAX_PATTERN_BYTES} bytes`, token);
  }
  const pattern = compile(cursor, token, what);
  if (pattern.programSize() > MAX_REPEATED + 2 * text.length) {
    throw cursor.error(`${what} repeats too much of itself: "${text}"; lower the numbers in its braces`, token);
  }
  return pattern;
}

function compile(cursor: Cursor, token: Token, what: string): Pattern {
  // Loaded when first needed: it takes 1 MB.
  const re2js: typeof import('re2js') = require('re2js');
  try {
    return re2js.RE2JS.compile(token.text);
  } catch (error) {
    if (!(error instanceof re2js.RE2JSException)) throw error;
    throw cursor.error(`${what}: ${error.message}`, token);
  }
}

/**
 * What the pattern and its groups match, the whole first, a group that took no part as ''; undefined: nothing. Most names
 * match nothing, and that is told much faster than groups are found.
 */
export function findGroups(pattern: Pattern, text: string): readonly string[] | undefined {
  if (!pattern.test(text)) return undefined;
  const matcher = pattern.matcher(text);
  if (!matcher.find()) return undefined;
  return Array.from({ length: pattern.groupCount() + 1 }, (_, index) => matcher.group(index) ?? '');
}
