/** The Corefiles of `test/corefiles`: how each is started, and what it is asked. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const CORPUS = join(import.meta.dirname, '../corefiles');
const CASE_FILE = 'case.json';

export type Question = {
  /** Arguments of dig: `@169.254.20.10 www.example.org A`. */
  readonly dig: string;
  readonly status: string;
  /** The records of the answer without their class, in any order: `www.example.org. 30 A 192.0.2.80`; `*` is any TTL. */
  readonly answer?: readonly string[];
  /** Regular expressions for what else dig prints. */
  readonly shows?: readonly string[];
};

export type Instance = {
  /** All arguments, as the manifest has them. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

export type Case = {
  readonly name: string;
  /** Where such a Corefile is found. */
  readonly about: string;
  /** Addresses that are on the node before. */
  readonly addresses?: readonly string[];
  /** Processes that run at once; one with `-conf /etc/coredns/Corefile` by default. */
  readonly instances?: readonly Instance[];
  readonly questions: readonly Question[];
  /** Regular expressions for lines that it logs. */
  readonly logs?: readonly string[];
  /** A regular expression for the errors that it logs with good reason. */
  readonly errors?: string;
  /** SIGTERM by default; another signal spares a long lame-duck time. */
  readonly ends?: 'SIGQUIT';
  /** Links that stay at the end because it says so. */
  readonly leaves?: readonly string[];
};

const CASE_KEYS = ['about', 'addresses', 'instances', 'questions', 'logs', 'errors', 'ends', 'leaves'];
const INSTANCE_KEYS = ['args', 'env'];
const QUESTION_KEYS = ['dig', 'status', 'answer', 'shows'];
const DEFAULT_INSTANCES: readonly Instance[] = [{ args: ['-conf', '/etc/coredns/Corefile'] }];

/** All of them, in the order of their names. */
export function readCorpus(): Case[] {
  const folders = readdirSync(CORPUS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => readCase(name)).sort((one, other) => one.name.localeCompare(other.name));
}

/** A misspelt key would be a check that never fails. */
function readCase(name: string): Case {
  const written: Omit<Case, 'name'> = JSON.parse(readFileSync(join(CORPUS, name, CASE_FILE), 'utf8'));
  const unknown = [
    ...keysBut(CASE_KEYS, written),
    ...(written.instances ?? []).flatMap((instance) => keysBut(INSTANCE_KEYS, instance)),
    ...written.questions.flatMap((question) => keysBut(QUESTION_KEYS, question)),
  ];
  if (unknown.length > 0) throw new Error(`${name}/${CASE_FILE}: nothing is known of ${unknown.join(', ')}`);
  return { ...written, name };
}

function keysBut(known: readonly string[], object: object): string[] {
  return Object.keys(object).filter((key) => !known.includes(key));
}

export function instancesOf({ instances = DEFAULT_INSTANCES }: Case): readonly Instance[] {
  return instances;
}

/** What lies beside a Corefile goes to /etc/coredns with it; what lies in `etc`, to /etc. */
export function filesOf({ name }: Case): { readonly source: string; readonly target: string }[] {
  const directory = join(CORPUS, name);
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => path !== CASE_FILE);
  return paths.map((path) => {
    const target = path.startsWith('etc/') ? path.slice('etc/'.length) : join('coredns', path);
    return { source: join(directory, path), target };
  });
}
