import type { Position } from '../corefile/token.ts';

/** A line of a generated Corefile, and where it comes from. */
export type Line = { readonly text: string; readonly at: Position };

export function linesOf(text: string, file: string): Line[] {
  return text.split('\n').map((line, index) => ({ text: line, at: { file, line: index + 1 } }));
}

export function textOf(lines: readonly Line[]): string {
  return lines.map(({ text }) => text).join('\n');
}
