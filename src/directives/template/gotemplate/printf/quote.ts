/** Text and characters in quotes, as Go's strconv writes them. */

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const NOTHING_TO_ESCAPE = /^[ !#-&(-[\]-~]*$/;
/** What a raw string cannot hold. */
const NOT_RAW = /[`\x7f\ufeff\ufffd]|[^\t\x20-\u{10ffff}]/u;

export function quote(text: string, asciiOnly = false): string {
  return `"${escaped(text, '"', asciiOnly)}"`;
}

export function quoteCharacter(character: string, asciiOnly = false): string {
  return `'${escaped(character, "'", asciiOnly)}'`;
}

/** Undefined if the text cannot stand in `` ` ``. */
export function rawQuote(text: string): string | undefined {
  return NOT_RAW.test(text) ? undefined : `\`${text}\``;
}

export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character);
}

function escaped(text: string, quotes: string, asciiOnly: boolean): string {
  if (NOTHING_TO_ESCAPE.test(text)) return text;
  let result = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === quotes) result += `\\${quotes}`;
    else if (Object.hasOwn(ESCAPES, character)) result += ESCAPES[character];
    else if (isPrintable(character) && (code < 0x80 || !asciiOnly)) result += character;
    else if (code < 0x20 || code === 0x7f) result += `\\x${hex(code, 2)}`;
    else result += code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  }
  return result;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
