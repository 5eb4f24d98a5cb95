/** A dot is written escaped, in brackets, or plainly, which matches it too. */
const FINAL_DOT = /(?:(?:\\\.|\[\.\]|\.)\??)?$/;
/** Read from the end: a word without meaning to a regular expression, and a dot. */
const LABEL_AT_END = /[a-z0-9_-]+$/i;
const DOT_AT_END = /(?:\\\.|\[\.\]|(?<=[a-z0-9_)*+?}-])\.)$/i;
/** What stands before the first label of a name that begins there: the start, or a group that ends in a dot. */
const BEGINNING = /(?:^|\^|\((?:\?:)?\^\|(?:\\\.|\[\.\]|\.)\)|(?:\\\.|\[\.\])\)[?*]?)$/;
/** Of a label that is cut off only a top-level domain may be left, which is too much to tell anything by. */
const MIN_LABELS = 2;

/**
 * The zone that all names are in which a regular expression matches, as far as its end is plain text: `example.org` of
 * `^(.*)\.example\.org\.$`. Undefined where that cannot be told.
 */
export function zoneOfPattern(pattern: string): string | undefined {
  if (!pattern.endsWith('$')) return undefined;
  let rest = pattern.slice(0, -1).replace(FINAL_DOT, '');
  const labels: string[] = [];
  for (;;) {
    const label = LABEL_AT_END.exec(rest)?.[0];
    // A backslash before it makes a class of its first character: `\d`.
    if (label === undefined || rest.at(-label.length - 1) === '\\') break;
    const before = rest.slice(0, -label.length);
    const dot = DOT_AT_END.exec(before)?.[0];
    // Otherwise the label is the end of a longer one.
    if (dot === undefined && !BEGINNING.test(before)) return labels.length < MIN_LABELS ? undefined : zoneOf(labels);
    labels.unshift(label);
    if (dot === undefined) break;
    rest = before.slice(0, -dot.length);
  }
  return labels.length === 0 ? undefined : zoneOf(labels);
}

function zoneOf(labels: readonly string[]): string {
  return labels.join('.').toLowerCase();
}
