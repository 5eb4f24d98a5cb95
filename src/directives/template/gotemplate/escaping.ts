/** The functions `html`, `js` and `urlquery`. */
import { isPrintable } from './printf/quote.ts';

const HTML: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};
const SCRIPT: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '"': '\\"' };

const DELETE = 0x7f;

export function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (character) => HTML[character] ?? character);
}

export function escapeScript(text: string): string {
  return text.replace(/[\\'"<>&=]|[^ -~]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code === DELETE || (code > DELETE && isPrintable(character))) return character;
    return SCRIPT[character] ?? `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  });
}

export function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
