/** The words of a Go template (text/template): text, and what stands between `{{` and `}}`. */

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'keyword'
  | 'identifier'
  | 'field'
  | 'variable'
  | 'dot'
  | 'nil'
  | 'bool'
  | 'number'
  | 'char'
  | 'string'
  | 'rawString'
  | 'declare'
  | 'assign'
  | 'pipe'
  | 'leftParen'
  | 'rightParen'
  | 'other'
  | 'end of text'
  | 'error';

/** The text as it stands in the template; that of an error says what is wrong. */
export type Token = { readonly kind: TokenKind; readonly text: string; readonly offset: number };

const OPEN = '{{';
const CLOSE = '}}';
const KEYWORDS = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with']);
const SPACES = /[ \t\r\n]+/y;
/** Behind a marker the spaces of the text next to it go. */
const OPEN_TRIMMED = /\{\{-[ \t\r\n]/y;
const CLOSE_TRIMMED = /[ \t\r\n]-\}\}/y;
const WORD = /[\p{L}\p{Nd}_]+/uy;
/** What may stand behind a word. */
const WORD_END = /[ \t\r\n.,|:)(]|\}\}|$/y;
const NUMBER =
  /[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*|0[bB][01_]*|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)/y;
const QUOTED = { '"': /"(?:[^"\\\n]|\\[^\n])*"/y, "'": /'(?:[^'\\\n]|\\[^\n])*'/y, '`': /`[^`]*`/y } as const;
const QUOTED_KIND = { '"': 'string', "'": 'char', '`': 'rawString' } as const;
const UNTERMINATED = {
  '"': 'unterminated quoted string',
  "'": 'unterminated character constant',
  '`': 'unterminated raw quoted string',
} as const;
const PUNCTUATION: Readonly<Record<string, TokenKind>> = {
  '=': 'assign',
  '|': 'pipe',
  '(': 'leftParen',
  ')': 'rightParen',
};

type State = { readonly text: string; position: number; readonly tokens: Token[]; openParens: number };

/** All tokens; the last one is the end of the text or an error. Comments are left out. */
export function lex(text: string): Token[] {
  const state: State = { text, position: 0, tokens: [], openParens: 0 };
  while (lexText(state) && lexAction(state));
  return state.tokens;
}

/** Up to the next action. False: there is none, or an error. */
function lexText(state: State): boolean {
  const { text, position } = state;
  const open = text.indexOf(OPEN, position);
  if (open === -1) {
    if (position < text.length) push(state, 'text', text.length);
    return push(state, 'end of text', text.length) && false;
  }
  const trims = matchEnd(OPEN_TRIMMED, text, open) !== -1;
  const end = trims ? position + text.slice(position, open).replace(/[ \t\r\n]+$/, '').length : open;
  if (end > position) push(state, 'text', end);
  state.position = open;
  const inside = open + OPEN.length + (trims ? 2 : 0);
  if (text.startsWith('/*', inside)) return skipComment(state, inside) && lexText(state);
  push(state, 'open', open + OPEN.length);
  state.position = inside;
  state.openParens = 0;
  return true;
}

function skipComment(state: State, start: number): boolean {
  const end = state.text.indexOf('*/', start + 2);
  if (end === -1) return fail(state, 'unclosed comment');
  state.position = end + 2;
  return close(state, false) || fail(state, 'comment ends before closing delimiter');
}

/** Takes `}}`, with a marker if there is one, and the spaces that this takes away. False: it is not there. */
function close(state: State, emit: boolean): boolean {
  const { text, position } = state;
  const trimmedEnd = matchEnd(CLOSE_TRIMMED, text, position);
  if (trimmedEnd === -1 && !text.startsWith(CLOSE, position)) return false;
  const end = trimmedEnd === -1 ? position + CLOSE.length : trimmedEnd;
  if (emit) push(state, 'close', end);
  state.position = trimmedEnd === -1 ? end : Math.max(end, matchEnd(SPACES, text, end));
  return true;
}

/** Up to `}}`. False: an error. */
function lexAction(state: State): boolean {
  const { text } = state;
  for (;;) {
    const { position } = state;
    if (state.openParens === 0 && close(state, true)) return true;
    if (text.startsWith(CLOSE, position) || matchEnd(CLOSE_TRIMMED, text, position) !== -1) {
      return fail(state, 'unclosed left paren');
    }
    if (position >= text.length) return fail(state, 'unclosed action');
    if (!lexWord(state)) return false;
  }
}

function lexWord(state: State): boolean {
  const { text, position } = state;
  const character = text[position];
  const spacesEnd = matchEnd(SPACES, text, position);
  if (spacesEnd !== -1) {
    // The last one may belong to " -}}".
    const isMarked = spacesEnd - position > 1 && matchEnd(CLOSE_TRIMMED, text, spacesEnd - 1) !== -1;
    return push(state, 'space', isMarked ? spacesEnd - 1 : spacesEnd);
  }
  if (character === '"' || character === "'" || character === '`') {
    const end = matchEnd(QUOTED[character], text, position);
    return end === -1 ? fail(state, UNTERMINATED[character]) : push(state, QUOTED_KIND[character], end);
  }
  if (/[\d+-]/.test(character) || /^\.\d/.test(text.slice(position, position + 2))) return lexNumber(state);
  if (character === '.' || character === '$') return lexName(state, character);
  if (matchEnd(WORD, text, position) !== -1) return lexIdentifier(state);
  if (text.startsWith(':=', position)) return push(state, 'declare', position + 2);
  if (character === ':') return fail(state, 'expected :=');
  return lexPunctuation(state, character);
}

function lexPunctuation(state: State, character: string): boolean {
  if (character === '(') state.openParens++;
  if (character === ')' && --state.openParens < 0) return fail(state, 'unexpected right paren');
  if (!/[!-~]/.test(character)) return fail(state, `unrecognized character in action: ${shown(state)}`);
  return push(state, PUNCTUATION[character] ?? 'other', state.position + 1);
}

function lexNumber(state: State): boolean {
  const { text, position } = state;
  const end = matchEnd(NUMBER, text, position);
  const badEnd = matchEnd(WORD, text, end);
  if (badEnd !== -1) return fail(state, `bad number syntax: "${text.slice(position, badEnd)}"`);
  return push(state, 'number', end);
}

/** `.` and `$` alone, or with a name behind them. */
function lexName(state: State, character: '.' | '$'): boolean {
  const { text, position } = state;
  if (matchEnd(WORD_END, text, position + 1) !== -1) {
    return push(state, character === '.' ? 'dot' : 'variable', position + 1);
  }
  const end = Math.max(position + 1, matchEnd(WORD, text, position + 1));
  return pushWord(state, character === '.' ? 'field' : 'variable', end);
}

function lexIdentifier(state: State): boolean {
  const { text, position } = state;
  const end = matchEnd(WORD, text, position);
  const word = text.slice(position, end);
  if (KEYWORDS.has(word)) return pushWord(state, 'keyword', end);
  if (word === 'nil') return pushWord(state, 'nil', end);
  return pushWord(state, word === 'true' || word === 'false' ? 'bool' : 'identifier', end);
}

function pushWord(state: State, kind: TokenKind, end: number): boolean {
  if (matchEnd(WORD_END, state.text, end) !== -1) return push(state, kind, end);
  state.position = end;
  return fail(state, `bad character ${shown(state)}`);
}

function push(state: State, kind: TokenKind, end: number): true {
  const { text, position } = state;
  state.tokens.push({ kind, text: text.slice(position, end), offset: position });
  state.position = end;
  return true;
}

function fail({ tokens, position }: State, message: string): false {
  tokens.push({ kind: 'error', text: message, offset: position });
  return false;
}

/** The character at the position, for an error. */
function shown({ text, position }: State): string {
  const code = text.codePointAt(position) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')} '${String.fromCodePoint(code)}'`;
}

/** Where the match that starts at `position` ends; -1 if there is none. */
function matchEnd(pattern: RegExp, text: string, position: number): number {
  pattern.lastIndex = position;
  return pattern.test(text) ? pattern.lastIndex : -1;
}
