import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../corefile/errors.ts';
import { respond } from '../../observe/http-listeners.ts';
import { allocationProfile, cpuProfile } from './profile-proto.ts';
import { ALLOCATION_INTERVAL_BYTES, CPU_INTERVAL_MICROS, profileAllocations, profileCpu } from './profiler.ts';
import type { Wish } from './routes.ts';

/** Of a larger heap a snapshot would hold the resolver up for seconds. */
const MAX_HEAP_BYTES = 128 * 2 ** 20;
/** So many times what is in the heap must be free: the snapshot is made in memory (measured: 7 to 8 times). */
const SNAPSHOT_FACTOR = 10;

type Body = { readonly fileName: string; readonly bytes: Uint8Array };

/** Whether one is being taken: two at once would show each other. */
let isTaking = false;

/** Takes the profile and answers with it, or with why there is none. Ends early when the client goes. */
export async function sendProfile(wish: Wish, response: ServerResponse, stopped: AbortSignal): Promise<void> {
  if (isTaking) {
    respond(response, 503, 'another profile is being taken; try again when it is complete\n');
    return;
  }
  isTaking = true;
  const gone = new AbortController();
  response.once('close', () => gone.abort(new Error('the client has gone')));
  try {
    await (wish.name === 'heap'
      ? sendSnapshot(response)
      : send(response, wish, AbortSignal.any([stopped, gone.signal])));
  } catch (error) {
    if (!response.headersSent) respond(response, 503, `no profile: ${reasonOf(error)}\n`);
  } finally {
    isTaking = false;
  }
}

async function send(response: ServerResponse, wish: Wish, signal: AbortSignal): Promise<void> {
  const { fileName, bytes } = await take(wish, signal);
  response.writeHead(200, { ...headersOf(fileName), 'Content-Length': bytes.length }).end(bytes);
}

async function take({ name, seconds, asV8 }: Wish, signal: AbortSignal): Promise<Body> {
  const when = { startedAtUnixMs: Date.now(), durationMs: seconds * 1000 };
  if (name === 'profile') {
    const profile = await profileCpu(seconds, signal);
    if (asV8) return { fileName: 'nodens.cpuprofile', bytes: Buffer.from(JSON.stringify(profile)) };
    return { fileName: 'nodens.cpu.pb.gz', bytes: await gzip(cpuProfile(profile, CPU_INTERVAL_MICROS, when)) };
  }
  const profile = await profileAllocations(seconds, signal);
  if (asV8) return { fileName: 'nodens.heapprofile', bytes: Buffer.from(JSON.stringify(profile)) };
  const bytes = await gzip(allocationProfile(profile, ALLOCATION_INTERVAL_BYTES, when));
  return { fileName: 'nodens.allocs.pb.gz', bytes };
}

async function sendSnapshot(response: ServerResponse): Promise<void> {
  const v8 = process.getBuiltinModule('node:v8');
  const heapBytes = v8.getHeapStatistics().used_heap_size;
  const neededBytes = SNAPSHOT_FACTOR * heapBytes;
  if (heapBytes > MAX_HEAP_BYTES) throw new Error(`the heap of ${mebibytes(heapBytes)} is too large for a snapshot`);
  const availableBytes = process.availableMemory();
  if (availableBytes < neededBytes) {
    throw new Error(`a snapshot takes ${mebibytes(neededBytes)}, and ${mebibytes(availableBytes)} are available`);
  }
  const snapshot = v8.getHeapSnapshot();
  response.writeHead(200, headersOf('nodens.heapsnapshot'));
  await pipeline(snapshot, response);
}

function headersOf(fileName: string) {
  return {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${fileName}"`,
    'X-Content-Type-Options': 'nosniff',
  };
}

function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const zlib = process.getBuiltinModule('node:zlib');
  return new Promise((resolve, reject) => {
    zlib.gzip(bytes, (error, compressed) => (error === null ? resolve(compressed) : reject(error)));
  });
}

/** What a signal was aborted with comes as the cause. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.name === 'AbortError' ? error.cause : error);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
