/** A directory of a ConfigMap, as the kubelet mounts it and changes it (pkg/volume/util/atomic_writer.go). */
import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type ConfigMapMount = {
  readonly directory: string;
  /** Other keys, all at once; none when an optional ConfigMap has been deleted. */
  update(keys: Readonly<Record<string, string>>): void;
  /** Takes the directory itself away, all at once. */
  remove(): void;
};

export function mountConfigMap(directory: string, keys: Readonly<Record<string, string>>): ConfigMapMount {
  let version = 0;
  const update = (content: Readonly<Record<string, string>>) => {
    const name = `..version_${++version}`;
    mkdirSync(join(directory, name), { recursive: true });
    for (const [key, text] of Object.entries(content)) {
      mkdirSync(dirname(join(directory, name, key)), { recursive: true });
      writeFileSync(join(directory, name, key), text);
    }
    const old = version === 1 ? undefined : readlinkSync(join(directory, '..data'));
    symlinkSync(name, join(directory, '..data_tmp'));
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
    // Only a whole folder of keys gets a link, by its first part.
    const wanted = new Set(Object.keys(content).map((key) => key.split('/')[0] ?? key));
    const present = new Set(readdirSync(directory).filter((entry) => !entry.startsWith('..')));
    for (const key of wanted) if (!present.has(key)) symlinkSync(join('..data', key), join(directory, key));
    for (const key of present) if (!wanted.has(key)) rmSync(join(directory, key));
    if (old !== undefined) rmSync(join(directory, old), { recursive: true });
  };
  update(keys);
  return { directory, update, remove: () => renameSync(directory, `${directory}.removed`) };
}
