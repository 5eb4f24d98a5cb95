import { PresentationError } from './presentation-error.ts';

/** A word of a master file line (RFC 1035 §5.1): its text without quotes, its escapes as they were. */
export type Word = { readonly text: string; readonly quoted: boolean };

const BLANK = /\s/;

/**
 * The words of one record; further ones are an error, unless only the first is wanted. Parentheses let it go on over lines, `;` starts a comment. A quote opens inside a word only
 * behind "=", for the parameters of SVCB (`alpn="h2,h3"`); elsewhere it starts a word of its own.
 */
export function splitWords(text: string, firstOnly = false): Word[] {
  const words: Word[] = [];
  let depth = 0;
  let ended = false;
  let position = 0;
  while (position < text.length) {
    const character = text[position];
    if (character === ';') {
      position = endOfLine(text, position);
      continue;
    }
    if (character === '\n' && depth === 0) ended = words.length > 0;
    if (character === '(' || character === ')' || BLANK.test(character)) {
      depth += character === '(' ? 1 : character === ')' ? -1 : 0;
      if (depth < 0) throw new PresentationError('")" without "("');
      position++;
      continue;
    }
    if (ended && firstOnly) return words;
    if (ended) throw new PresentationError('more than one record');
    const end = character === '"' ? endOfQuotes(text, position) : endOfWord(text, position);
    words.push(wordOf(text.slice(position, end)));
    position = end;
  }
  if (depth > 0) throw new PresentationError('"(" without ")"');
  return words;
}

function wordOf(source: string): Word {
  if (source.startsWith('"')) return { text: source.slice(1, -1), quoted: true };
  const quotes = source.indexOf('="') + 1;
  if (quotes === 0 || !source.endsWith('"')) return { text: source, quoted: false };
  return { text: source.slice(0, quotes) + source.slice(quotes + 1, -1), quoted: false };
}

function endOfWord(text: string, start: number): number {
  let position = start;
  while (position < text.length) {
    const character = text[position];
    if (character === '"' && text[position - 1] === '=') return endOfQuotes(text, position);
    if (BLANK.test(character) || '();"'.includes(character)) return position;
    position += character === '\\' ? 2 : 1;
  }
  return escapedEnd(text, position);
}

/** `start` is that of the opening quote; the end is behind the closing one. */
function endOfQuotes(text: string, start: number): number {
  let position = start + 1;
  while (position < text.length && text[position] !== '"') position += text[position] === '\\' ? 2 : 1;
  if (position >= text.length) throw new PresentationError('quotes are not closed');
  return position + 1;
}

function escapedEnd(text: string, position: number): number {
  if (position > text.length) throw new PresentationError('"\\" at the end');
  return position;
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end === -1 ? text.length : end;
}
