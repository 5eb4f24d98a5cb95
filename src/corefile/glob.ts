import { join, sep } from 'node:path';

/** Whether a path is a pattern. A bracket alone makes it one, which matches itself. */
export function hasWildcard(path: string): boolean {
  return /[*?[\]]/.test(path);
}

/**
 * The paths that match an absolute pattern, in lexical order. `*` is any run of characters but `/`, `?` any one of
 * them; both match a leading dot. What cannot be listed has no matches.
 */
export function expandGlob(pattern: string, readDirectory: (path: string) => readonly string[]): string[] {
  let matches: string[] = [sep];
  const parts = pattern.split(sep).filter((part) => part !== '');
  const firstWild = parts.findIndex(hasWildcard);
  for (const [index, part] of parts.entries()) {
    if (index < firstWild) {
      matches = matches.map((path) => join(path, part));
      continue;
    }
    const matcher = hasWildcard(part) ? wildcardMatcher(part) : (name: string) => name === part;
    matches = matches.flatMap((path) =>
      listOf(path, readDirectory)
        .filter(matcher)
        .map((name) => join(path, name)),
    );
  }
  return matches.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function wildcardMatcher(part: string): (name: string) => boolean {
  const source = part
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace('*', '.*')
    .replace('?', '.');
  const expression = new RegExp(`^${source}$`, 'su');
  return (name) => expression.test(name);
}

function listOf(path: string, readDirectory: (path: string) => readonly string[]): readonly string[] {
  try {
    return readDirectory(path);
  } catch {
    return [];
  }
}
