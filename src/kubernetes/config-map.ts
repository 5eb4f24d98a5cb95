import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TextDecoder } from 'node:util';
import { systemReason } from '../corefile/errors.ts';

/** The link that the kubelet swaps when a mounted ConfigMap has changed: all keys are behind it. */
const DATA = '..data';
const ATTEMPTS = 3;

/**
 * The texts of those keys that a mounted ConfigMap has, all of one version. Rejects with one line if the directory or a
 * key cannot be read.
 */
export async function readKeys(directory: string, keys: readonly string[]): Promise<Map<string, string>> {
  try {
    for (let attempt = 1; ; attempt++) {
      const root = await rootOf(directory);
      const texts = new Map<string, string>();
      for (const key of keys) {
        const text = await readText(join(root, key));
        if (text !== undefined) texts.set(key, text);
      }
      // What has been taken away in between must not look like an empty one.
      if ((await rootOf(directory)) === root || attempt === ATTEMPTS) return texts;
    }
  } catch (cause) {
    throw new Error(`cannot read "${directory}": ${systemReason(cause)}`, { cause });
  }
}

/** Where the files of the current version are: behind the link, or in the directory itself. */
async function rootOf(directory: string): Promise<string> {
  try {
    return await realpath(join(directory, DATA));
  } catch {
    if ((await stat(directory)).isDirectory()) return directory;
    throw new Error('it is no directory');
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      if (error.code === 'ENOENT') return undefined;
      if (error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw new Error(`${path} is not UTF-8`);
    }
    throw error;
  }
}
