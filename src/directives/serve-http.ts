import type { HostPort } from '../corefile/values.ts';
import type { HttpRoutes } from '../observe/http-listeners.ts';
import { hostPort } from '../sys/socket.ts';
import type { Block } from './contract.ts';

/** Serves the routes at `address` while the block's load lives. The load is given up if nothing can listen there. */
export function serveHttp(block: Block, address: HostPort, routes: HttpRoutes): void {
  let release: (() => Promise<void>) | undefined;
  block.claimHttp(address);
  block.onStart(async () => {
    release = await block.process.http.acquire(hostPort(address.host, address.port), routes);
  });
  block.onStop(() => release?.());
}
