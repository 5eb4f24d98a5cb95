import { type FSWatcher, watch } from 'node:fs';

/** For changes that no notification tells of, and for directories that are not there yet. */
const DEFAULT_INTERVAL_MS = 10_000;
/** A swap of the kubelet is several events. */
const SETTLE_MS = 20;

export type DirectoryWatch = {
  readonly directories: readonly string[];
  /** Finds out what has changed; must not reject. Never runs twice at the same time. */
  readonly look: () => Promise<void>;
  readonly intervalMs?: number;
};

/**
 * Looks at once when the kernel tells of a change in one of the directories, and every ten seconds in any case. Returns
 * what ends that.
 */
export function watchDirectories({ directories, look, intervalMs = DEFAULT_INTERVAL_MS }: DirectoryWatch): () => void {
  const watchers: FSWatcher[] = [];
  let settling: NodeJS.Timeout | undefined;
  let looking = false;
  let again = false;
  let stopped = false;

  const run = async () => {
    again = true;
    if (looking) return;
    looking = true;
    while (again && !stopped) {
      again = false;
      await look();
    }
    looking = false;
  };
  const changed = () => {
    settling ??= setTimeout(() => {
      settling = undefined;
      void run();
    }, SETTLE_MS).unref();
  };
  const close = () => {
    for (const watcher of watchers.splice(0)) watcher.close();
  };
  /** Anew each time: a watcher stays with a directory that has been replaced. */
  const open = () => {
    close();
    for (const directory of directories) {
      try {
        const watcher = watch(directory, { persistent: false }, changed);
        watcher.on('error', () => watcher.close());
        watchers.push(watcher);
      } catch {
        // It is not there, or the kernel has no watches left: looking at intervals must do.
      }
    }
  };

  open();
  const timer = setInterval(() => {
    open();
    void run();
  }, intervalMs).unref();
  return () => {
    stopped = true;
    clearInterval(timer);
    clearTimeout(settling);
    close();
  };
}
