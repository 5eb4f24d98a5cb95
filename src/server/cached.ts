import { KEY_CD, KEY_DO } from '../cache/key.ts';
import { Lookup } from '../cache/lookup.ts';
import type { CacheStore } from '../cache/store.ts';
import { rcodeName } from '../wire/header.ts';
import { nameFromText } from '../wire/name.ts';
import { MessageView } from '../wire/view.ts';
import type { RunningBlock } from './block.ts';
import { answersOf } from './explain/answers.ts';
import type { Target } from './targets.ts';

const MS_PER_SECOND = 1000;
/** Each has an answer of its own. */
const FLAGS = [0, KEY_DO, KEY_CD, KEY_DO | KEY_CD];

/** What the cache of one block holds for a question. */
export type CachedAnswer = {
  /** Ids of the listeners through which the block is reached. */
  readonly servers: readonly string[];
  /** For clients that ask with these bits. */
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
  readonly rcode: string;
  /** The records of its answer section, with the TTLs that a client would get. */
  readonly answers: readonly string[];
  /** Seconds since it was stored, and until it expires: from 0 down it is stale. */
  readonly ageS: number;
  readonly remainingS: number;
};

/** Looks without counting: what is found is served as before. */
export function cachedAnswers(
  store: CacheStore,
  targets: Iterable<Target>,
  qname: string,
  qtype: number,
  nowMs: number,
): CachedAnswer[] {
  const servers = new Map<RunningBlock, string[]>();
  for (const { id, router } of targets) {
    const block = router.route(qname, qtype);
    if (block !== undefined) servers.set(block, [...(servers.get(block) ?? []), id]);
  }
  return [...servers].flatMap(([block, ids]) =>
    FLAGS.flatMap((flags) => {
      const found = find(store, block, qname, qtype, flags, nowMs);
      const bits = { dnssecOk: (flags & KEY_DO) !== 0, checkingDisabled: (flags & KEY_CD) !== 0 };
      return found === undefined ? [] : [{ servers: ids, ...bits, ...found }];
    }),
  );
}

function find(store: CacheStore, { hits }: RunningBlock, qname: string, qtype: number, flags: number, nowMs: number) {
  const name = nameFromText(qname);
  const key = store.newKey();
  if (hits.cache === undefined || name === undefined || !key.set(name, 0, name.length, qtype, flags)) return undefined;
  const { stores, keepTtl, stale } = hits.cache;
  const lookup = new Lookup(store.reader, stores);
  if (!lookup.find(key, nowMs)) return undefined;
  const { reader, entry, remaining } = lookup;
  const words = new Int32Array(Math.ceil(reader.messageBytes / Int32Array.BYTES_PER_ELEMENT));
  const bytes = new Uint8Array(words.buffer);
  const ttl = remaining > 0 ? (keepTtl ? reader.durationSeconds : remaining) : (stale?.responseTtl ?? 0);
  if (!reader.copyMessage(entry, words, bytes, 0, ttl)) return undefined;
  const message = MessageView.trusted(bytes.subarray(0, reader.messageBytes));
  return {
    rcode: rcodeName(message.rcode),
    answers: answersOf(message),
    ageS: Math.max(0, Math.floor((nowMs - reader.storedAtMs) / MS_PER_SECOND)),
    remainingS: remaining,
  };
}
