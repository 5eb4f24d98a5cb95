import { flushCompileCache } from 'node:module';
import { messageOf } from '../corefile/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { Server } from '../server/server.ts';
import { exitAtOnce } from '../sys/exit.ts';
import { unblockSignal } from '../sys/signals.ts';

const EXIT_STOP_FAILED = 3;
const EXIT_FORCED = 2;

/**
 * SIGTERM and SIGINT end the server after it has answered what it has taken. A second SIGINT ends it without that, as
 * SIGQUIT does: only the node is given back first. SIGUSR1 reloads. SIGHUP, which a closing terminal sends, and SIGUSR2 do nothing.
 */
export function handleSignals(server: Server, log: Logger): void {
  let stopping = false;
  const stop = async (line: string) => {
    if (stopping) return;
    stopping = true;
    log.info(line);
    exit(log, await stopCode(server, log));
  };
  const quit = async (code: number) => {
    stopping = true;
    await server.leaveNode().catch((error) => log.error(`stopping: ${messageOf(error)}`));
    exit(log, code);
  };
  process.on('SIGTERM', () => stop('SIGTERM: Shutting down servers then terminating'));
  process.on('SIGINT', () => {
    if (!stopping) return stop('SIGINT: Shutting down');
    log.info('SIGINT: Force quit');
    return quit(EXIT_FORCED);
  });
  process.on('SIGQUIT', () => quit(0));
  process.on('SIGUSR1', async () => {
    log.info('SIGUSR1: Reloading');
    await server.reload().catch((error) => {
      log.error(`SIGUSR1: starting with listener file descriptors: ${messageOf(error)}`);
    });
  });
  unblockSignal('SIGUSR1');
  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => undefined);
}

async function stopCode(server: Server, log: Logger): Promise<number> {
  try {
    await server.stop();
    return 0;
  } catch (error) {
    log.error(`stopping: ${messageOf(error)}`);
    return EXIT_STOP_FAILED;
  }
}

/** All has been done by now, or is not to be; a responder that is still loading must not abort the process. */
function exit(log: Logger, code: number): never {
  log.flushSync();
  flushCompileCache();
  exitAtOnce(code);
}
