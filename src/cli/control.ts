/** What the control socket is for, on both sides of it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../corefile/errors.ts';
import type { Logger } from '../observe/logger.ts';
import { VERSION } from '../observe/version.ts';
import type { CachedAnswer } from '../server/cached.ts';
import type { Server } from '../server/server.ts';
import type { ServerFlags } from './flag-table.ts';

/** Where a volume is to be mounted that both may write. */
const DIRECTORY = '/run/nodens';

export type Question = { readonly qname: string; readonly qtype: number };

/** What an instance says of itself. */
export type Instance = {
  readonly version: string;
  readonly pid: number;
  /** Of the configuration that it serves. */
  readonly fingerprint: string;
  /** What its caches hold, for each question. */
  readonly cached: readonly (readonly CachedAnswer[])[];
};

/** Undefined: there is no control socket. */
export function controlPath({ control }: Pick<ServerFlags, 'control'>): string | undefined {
  return control || (existsSync(DIRECTORY) ? join(DIRECTORY, 'control.sock') : undefined);
}

/** Lets commands ask the server; where that cannot be, DNS goes on without it. */
export async function openControl(path: string, server: Server, log: Logger): Promise<void> {
  const { listenControl } = await import('../server/control/control.ts');
  try {
    // What it leaves behind at the end of the process the next start replaces, as that of one that was killed.
    await listenControl(path, (request) => instanceOf(server, request));
  } catch (error) {
    log.warning(`control socket ${path}: ${messageOf(error)}; nodens explain cannot look into the cache`);
  }
}

/** Asks the instance that listens there; rejects with why it cannot be asked. */
export async function askInstance(path: string, questions: readonly Question[]): Promise<Instance> {
  const { askControl } = await import('../server/control/control.ts');
  const instance = await askControl(path, { questions });
  if (!isInstance(instance)) throw new Error('it is of another version');
  return instance;
}

function instanceOf(server: Server, request: unknown): Instance {
  const cached = questionsOf(request).map(({ qname, qtype }) => server.cached(qname, qtype));
  return { version: VERSION, pid: process.pid, fingerprint: server.fingerprint, cached };
}

function questionsOf(request: unknown): Question[] {
  const isList = typeof request === 'object' && request !== null && 'questions' in request;
  const questions: unknown = isList ? request.questions : undefined;
  if (!Array.isArray(questions) || !questions.every(isQuestion)) throw new Error('no questions');
  return questions;
}

function isQuestion(value: unknown): value is Question {
  if (typeof value !== 'object' || value === null || !('qname' in value && 'qtype' in value)) return false;
  return typeof value.qname === 'string' && typeof value.qtype === 'number';
}

/** The other side is of our user; it may be of another version. */
function isInstance(value: unknown): value is Instance {
  if (typeof value !== 'object' || value === null || !('version' in value && 'cached' in value)) return false;
  return value.version === VERSION && Array.isArray(value.cached);
}
