/** The kernel keeps a link's name with its final NUL in so many bytes (IFNAMSIZ). */
const MAX_BYTES = 15;

/** Why no link can have that name, to be put behind the name of the setting; undefined if one can. */
export function linkNameProblem(name: string): string | undefined {
  const byteCount = Buffer.byteLength(name);
  if (byteCount > MAX_BYTES) return `must have at most ${MAX_BYTES} bytes, "${name}" has ${byteCount}`;
  // dev_valid_name() of the kernel, and `%`, which asks it to find a number.
  if (/^[^\s/:%]+$/.test(name) && name !== '.' && name !== '..') return undefined;
  return `must be a name for a link, got "${name}"`;
}
