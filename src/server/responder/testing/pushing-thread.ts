/** A thread that pushes messages into a ring as fast as it can, until it has pushed as many as it was told to. */
import { parentPort, workerData } from 'node:worker_threads';
import { DatagramBatch } from '../../../sys/datagrams.ts';
import { close, connectUdp, localPort, openUdp, send } from '../../../sys/socket.ts';
import { RING_HEAD, RING_TAIL } from '../controls.ts';
import { KIND_QUERY, KIND_REFRESH, RingWriter } from '../ring.ts';
import { checkedMessage } from './checked-message.ts';

export type PushTask = {
  readonly controls: Int32Array;
  readonly memory: SharedArrayBuffer;
  readonly count: number;
  /** Waits after each flush until all has been taken, so that the reader falls asleep time and again. */
  readonly isPatient: boolean;
};

const BATCH = 32;
const MAX_FILL_BYTES = 600;
const FLUSH_AFTER = 7;

const { controls, memory, count, isPatient }: PushTask = workerData;
const ring = new RingWriter(controls, memory);
const batch = new DatagramBatch();
const fd = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
const client = connectUdp('127.0.0.1', localPort(fd));
for (let i = 0; i < BATCH; i++) send(client, checkedMessage(i, (i * 7919) % MAX_FILL_BYTES));
if (batch.receive(fd) !== BATCH) throw new Error('datagrams were lost');
// The order in which they are pushed shows at the time of arrival.
for (let i = 0; i < count; i++) {
  ring.push(i % 3 === 0 ? KIND_REFRESH : KIND_QUERY, i % 1000, batch, i % BATCH, i);
  if (i % FLUSH_AFTER !== 0) continue;
  ring.flush();
  if (isPatient) while (Atomics.load(controls, RING_TAIL) !== Atomics.load(controls, RING_HEAD));
}
ring.flush();
close(client);
close(fd);
parentPort?.postMessage('done');
