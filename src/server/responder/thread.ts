/** Where a responder's thread starts: it runs until it is told to stop, and never returns to an event loop. */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Responder, type ResponderTask } from './responder.ts';

export type ThreadData = {
  readonly task: ResponderTask;
  /** Brings plans. */
  readonly port: MessagePort;
  /** What process.hrtime shows when the resolver's clock shows 0, in milliseconds. */
  readonly originMs: number;
};

const { task, port, originMs }: ThreadData = workerData;
// Each thread counts performance.now() from its own start.
const [seconds, nanoseconds] = process.hrtime();
const aheadMs = seconds * 1000 + nanoseconds / 1e6 - performance.now() - originMs;

new Responder(
  task,
  () => performance.now() + aheadMs,
  () => receiveMessageOnPort(port)?.message,
).run();
port.close();
