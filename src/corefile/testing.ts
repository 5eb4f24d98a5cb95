import type { Cursor } from './cursor.ts';
import { parseCorefile } from './parse.ts';

/** For tests: the directive that `text` is, as it stands in line 1 of a file `Corefile`. */
export function cursorOf(text: string, env: Readonly<Record<string, string>> = {}): Cursor {
  const [name] = text.trim().split(/\s/, 1);
  const { blocks } = parseCorefile(`. { ${text}\n}`, 'Corefile', { env, defaultPort: 53, directiveNames: [name] });
  const [cursor, ...others] = blocks[0].directives;
  if (!cursor || others.length > 0) throw new Error(`expected one directive, got ${blocks[0].directives.length}`);
  return cursor;
}
