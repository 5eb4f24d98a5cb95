import type { ServerResponse } from 'node:http';
import { type HttpRoutes, respond, sendText } from './http-listeners.ts';
import type { Metrics } from './metrics.ts';

const PATH = '/metrics';

/** Serves all metrics of the process at `/metrics`. */
export function metricsRoutes(metrics: Metrics): HttpRoutes {
  return new Map([[PATH, (_request, response) => void expose(metrics, response)]]);
}

async function expose(metrics: Metrics, response: ServerResponse): Promise<void> {
  try {
    const text = await metrics.expose();
    sendText(response, 200, metrics.contentType, text);
  } catch (error) {
    respond(response, 500, `${error}\n`);
  }
}
