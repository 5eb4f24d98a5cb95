/**
 * The socket by which commands such as `nodens explain` ask a running instance: one line of JSON there, one line back. It is
 * a file that only the user of the instance can use.
 */
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { systemReason } from '../../corefile/errors.ts';

/** struct sockaddr_un (unix(7)), without the final zero. */
const MAX_PATH_BYTES = 107;
const MAX_REQUEST_BYTES = 64 * 1024;
const PATIENCE_MS = 5000;
/** Nobody else may read or write it. */
const PRIVATE = 0o177;

/**
 * Listens at the path until what it resolves to is called, which also removes it. A file that an instance has left behind
 * is replaced; rejects where one is at work, or nothing can be made there.
 */
export async function listenControl(path: string, answer: (request: unknown) => unknown): Promise<() => void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw new Error(`the path is longer than ${MAX_PATH_BYTES} bytes`);
  // libuv would say that it is forbidden.
  if (!existsSync(dirname(path))) throw new Error(`there is no directory ${dirname(path)}`);
  const server = net.createServer((socket) => serve(socket, answer));
  if (await isAnswered(path)) throw new Error('another instance listens there');
  removeSocket(path);
  await listen(server, path);
  server.unref();
  server.on('error', () => undefined); // An accept that failed costs that connection.
  return () => {
    server.close();
    removeSocket(path);
  };
}

/** What the instance says to the request; rejects with why there is no answer. */
export function askControl(path: string, request: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(path);
    socket.setEncoding('utf8').setTimeout(PATIENCE_MS, () => socket.destroy(new Error('it gives no answer')));
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (error) => reject(new Error(systemReason(error), { cause: error })));
    socket.on('close', () => {
      try {
        resolve(JSON.parse(text));
      } catch (cause) {
        reject(new Error('it gives no answer', { cause }));
      }
    });
  });
}

function serve(socket: net.Socket, answer: (request: unknown) => unknown): void {
  let text = '';
  socket
    .unref()
    .setEncoding('utf8')
    .setTimeout(PATIENCE_MS, () => socket.destroy());
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    text += chunk;
    if (text.length > MAX_REQUEST_BYTES) socket.destroy();
    else if (text.endsWith('\n')) socket.end(replyTo(text, answer));
  });
}

function replyTo(text: string, answer: (request: unknown) => unknown): string {
  try {
    return `${JSON.stringify(answer(JSON.parse(text)))}\n`;
  } catch {
    return ''; // The connection ends, and whoever has sent that knows.
  }
}

function listen(server: net.Server, path: string): Promise<void> {
  const mask = process.umask(PRIVATE);
  try {
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(new Error(systemReason(error), { cause: error })));
      server.listen(path, () => {
        server.removeAllListeners('error');
        resolve();
      });
    });
  } finally {
    process.umask(mask); // The file is made by `listen` itself, at once.
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Nothing else than a socket: a path may have been given by mistake. */
function removeSocket(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch {
    // There is none, or it cannot be removed: then nothing can be made there either.
  }
}
