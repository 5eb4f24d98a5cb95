import { realpath, rename, rm, writeFile } from 'node:fs/promises';
import { systemReason } from '../corefile/errors.ts';

/**
 * Keeps a file at what it is told, never seen half written. Where it cannot be written `refused` hears why, once; those
 * who serve do not depend on it.
 */
export function fileKeeper(path: string, refused: (reason: string) => void): (text: string) => Promise<void> {
  let written: string | undefined;
  let isRefused = false;
  return async (text) => {
    if (path === '' || text === written) return;
    written = text;
    try {
      await replace(path, text);
    } catch (error) {
      if (!isRefused) refused(systemReason(error));
      isRefused = true;
    }
  };
}

async function replace(path: string, text: string): Promise<void> {
  // A link stays one: what it leads to is replaced.
  const target = await realpath(path).catch(() => path);
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text, { mode: 0o644 });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}
