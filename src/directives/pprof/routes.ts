import type { IncomingMessage, ServerResponse } from 'node:http';
import { type HttpHandler, type HttpRoutes, respond, sendText } from '../../observe/http-listeners.ts';

const ROOT = '/debug/pprof/';
const DEFAULT_SECONDS = 30; // As in Go.
const MAX_SECONDS = 300;
/** Above this the socket may be idle, for the answer comes when the profile is complete. */
const PATIENCE_MS = 10_000;

/** What can be had, as the index says it. */
const PROFILES = {
  profile: `what the resolver's thread spends its time on, for go tool pprof; ?seconds=N, up to ${MAX_SECONDS}, by default ${DEFAULT_SECONDS}; with &format=v8 for Chrome DevTools (.cpuprofile)`,
  allocs: 'what it allocates meanwhile, likewise (.heapprofile)',
  heap: 'a snapshot of its heap for Chrome DevTools (.heapsnapshot); queries that are no hits wait while it is taken',
} as const;

/** What Go has, and nothing here is like it. */
const OF_GO = ['block', 'cmdline', 'goroutine', 'mutex', 'symbol', 'threadcreate', 'trace'];

export type ProfileName = keyof typeof PROFILES;

/** Which one, how long, and whether as V8 gives it. */
export type Wish = { readonly name: ProfileName; readonly seconds: number; readonly asV8: boolean };

/** The paths of Go's net/http/pprof. What is under way ends when `stopped` is aborted. */
export function profileRoutes(stopped: AbortSignal): HttpRoutes {
  const routes = new Map<string, HttpHandler>();
  for (const path of [ROOT, ROOT.slice(0, -1)]) {
    routes.set(path, (_request, response) => sendText(response, 200, 'text/html; charset=utf-8', indexPage()));
  }
  for (const name of OF_GO) {
    const text = `"${name}" is about Go's runtime, and nodens runs on Node.js; ${ROOT} lists what there is\n`;
    routes.set(ROOT + name, (_request, response) => respond(response, 404, text));
  }
  for (const name of ['profile', 'allocs', 'heap'] as const) {
    routes.set(ROOT + name, (request, response) => void answer(name, request, response, stopped));
  }
  return routes;
}

async function answer(name: ProfileName, request: IncomingMessage, response: ServerResponse, stopped: AbortSignal) {
  const wish = wishOf(name, request.url ?? '');
  if (typeof wish === 'string') {
    respond(response, 400, `${wish}\n`);
    return;
  }
  request.socket.setTimeout(wish.seconds * 1000 + PATIENCE_MS);
  // Only who takes a profile pays for what takes it.
  const { sendProfile } = await import('./profiles.ts');
  await sendProfile(wish, response, stopped);
}

/** Or what is wrong with it. */
function wishOf(name: ProfileName, url: string): Wish | string {
  const asked = new URLSearchParams(url.split('?', 2)[1] ?? '');
  const text = asked.get('seconds') ?? String(DEFAULT_SECONDS);
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > MAX_SECONDS) return `seconds must be 1..${MAX_SECONDS}, got "${text}"`;
  const format = asked.get('format') ?? 'pprof';
  if (format !== 'pprof' && format !== 'v8') return `format must be pprof or v8, got "${format}"`;
  return { name, seconds, asV8: format === 'v8' };
}

function indexPage(): string {
  const items = Object.entries(PROFILES).map(
    ([name, text]) => `<li><a href="${ROOT}${name}">${name}</a>: ${text}</li>`,
  );
  return `<!doctype html>\n<title>nodens: profiles</title>\n<ul>\n${items.join('\n')}\n</ul>\n`;
}
