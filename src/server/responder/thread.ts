/** Where a responder's thread starts: it runs until it is told to stop, and never returns to an event loop. */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { trimHeap } from '../../sys/heap.ts';
import { clockOriginMs } from './clock-origin.ts';
import { Responder, type ResponderTask } from './responder.ts';

export type ThreadData = {
  readonly task: ResponderTask;
  /** Brings plans. */
  readonly port: MessagePort;
  /** Of the resolver's clock; see `clockOriginMs`. */
  readonly originMs: number;
};

const { task, port, originMs }: ThreadData = workerData;
const aheadMs = clockOriginMs(() => performance.now()) - originMs;

const responder = new Responder(
  task,
  () => performance.now() + aheadMs,
  () => receiveMessageOnPort(port)?.message,
);
trimHeap();
responder.run();
port.close();
