import type { Token } from './token.ts';

/** A word as written: environment references still stand in it. */
export type RawToken = Token & {
  /** The line where it ends; a quoted word may hold line breaks. */
  readonly endLine: number;
  /** In quotes, so never a brace. */
  readonly quoted: boolean;
  /** Its quote runs to the end of the file. */
  readonly unclosed: boolean;
  /** Whether it is the first word of its line. A word behind a multi-line quote is on the quote's last line. */
  readonly startsLine: boolean;
};

const BYTE_ORDER_MARK = '\ufeff';
/** What Go's unicode.IsSpace accepts; the carriage return is treated apart. */
const SPACE = /[\t\n\v\f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Splits a file into words. Anything is accepted; spec: corefile.md section 1. */
export function lex(text: string, file: string): RawToken[] {
  const tokens: RawToken[] = [];
  let position = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  let line = 1;

  const push = (word: string, startLine: number, quoted: boolean, unclosed: boolean) => {
    const previous = tokens.at(-1);
    const startsLine = previous === undefined || previous.endLine < startLine;
    tokens.push({ text: word, file, line: startLine, endLine: line, quoted, unclosed, startsLine });
  };

  while (position < text.length) {
    const character = text[position];
    if (character === '\n') {
      line++;
      position++;
    } else if (character === '\r' || SPACE.test(character)) {
      position++;
    } else if (character === '#') {
      position = endOfLine(text, position);
    } else if (character === '"') {
      const startLine = line;
      const { word, end, closed } = quotedWord(text, position + 1);
      line += countLineBreaks(word);
      position = end;
      if (closed || word !== '') push(word, startLine, true, !closed);
    } else {
      const { word, end } = plainWord(text, position);
      position = end;
      push(word, line, false, false);
    }
  }
  return tokens;
}

/** Runs to white space or a comment; carriage returns within it are dropped. */
function plainWord(text: string, start: number): { word: string; end: number } {
  let end = start;
  while (end < text.length && text[end] !== '#' && !SPACE.test(text[end])) end++;
  return { word: text.slice(start, end).replaceAll('\r', ''), end };
}

/** Runs to the next `"` without a backslash before it, or to the end of the file. Only `\"` is an escape. */
function quotedWord(text: string, start: number): { word: string; end: number; closed: boolean } {
  let word = '';
  for (let position = start; position < text.length; position++) {
    const character = text[position];
    if (character === '"') return { word, end: position + 1, closed: true };
    if (character !== '\\') {
      word += character;
    } else if (++position < text.length) {
      word += text[position] === '"' ? '"' : `\\${text[position]}`;
    }
  }
  return { word, end: text.length, closed: false };
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end === -1 ? text.length : end;
}

function countLineBreaks(text: string): number {
  return text.split('\n').length - 1;
}
