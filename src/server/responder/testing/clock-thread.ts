/** Tells where its clock begins, and what it shows whenever it is asked. */
import { parentPort } from 'node:worker_threads';
import { clockOriginMs } from '../clock-origin.ts';

parentPort?.on('message', () => parentPort?.postMessage(performance.now()));
parentPort?.postMessage(clockOriginMs(() => performance.now()));
