/** The memory of all caches of the process: one SharedArrayBuffer, written here and read by any thread. */
export class CacheStore {
  /** All that readers need. */
  readonly buffer: SharedArrayBuffer;

  /** `capacityBytes` bounds everything, the store's own tables included. */
  constructor(capacityBytes: number) {
    this.buffer = new SharedArrayBuffer(capacityBytes);
  }
}
