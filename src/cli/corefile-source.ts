import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { text as readAll } from 'node:stream/consumers';
import type { Corefile } from '../corefile/cursor.ts';
import { systemReason } from '../corefile/errors.ts';
import { parseCorefile } from '../corefile/parse.ts';
import type { Configuration } from '../directives/contract.ts';
import { COREDNS_DIRECTIVES } from '../directives/order.ts';

const DEFAULT_FILE = 'Corefile';
/** What is served where a Corefile has no server block, as CoreDNS does. */
const EMPTY_DEFAULT = '. {\n    whoami\n    log\n}\n';

const EMBEDDED_ADVICE = '; this is the embedded default: to change it, write a Corefile and start with -conf';

// At the start root gives up CAP_DAC_OVERRIDE.
const UNREADABLE_ADVICE =
  'let the user that nodens runs as read it; root may read what is its own or open to all, and no more';

export type CorefileSource = {
  /** What was chosen, for the log; an empty string is the embedded default. */
  readonly file: string;
  /** What to add to an error. */
  readonly advice: string;
  /** Reads and parses, anew at each call. */
  read(): Promise<Corefile>;
  /** Has a changed configuration taken over as soon as it changes, where nothing in it asks for that. Ends with the result. */
  follow?(configuration: Configuration): () => void;
};

/**
 * Chooses where the configuration comes from: the file `conf`, `stdin` (read once), without `conf` the file `Corefile` of
 * the working directory, and where there is none the embedded default.
 */
export function corefileSource(conf: string, defaultPort: number, embeddedPort: number): CorefileSource {
  const options = { env: process.env, defaultPort, directiveNames: COREDNS_DIRECTIVES };
  const parse = (text: string, name: string): Corefile => {
    const corefile = parseCorefile(text, name, options);
    return corefile.blocks.length > 0 ? corefile : parseCorefile(EMPTY_DEFAULT, name, options);
  };
  if (conf === 'stdin') {
    const input = readAll(process.stdin);
    return { file: conf, advice: '', read: async () => parse(await input, conf) };
  }
  if (conf === '' && !existsSync(DEFAULT_FILE)) {
    const text = embeddedCorefile(embeddedPort);
    return { file: '', advice: EMBEDDED_ADVICE, read: async () => parse(text, 'embedded default') };
  }
  const file = conf === '' ? DEFAULT_FILE : conf;
  return { file, advice: '', read: async () => parse(await readCorefile(file), file) };
}

async function readCorefile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const isForbidden = cause instanceof Error && 'errno' in cause && cause.errno === -constants.errno.EACCES;
    const advice = isForbidden ? UNREADABLE_ADVICE : 'give the path of one with -conf';
    throw new Error(`cannot read the Corefile "${file}": ${systemReason(cause)}; ${advice}`, { cause });
  }
}

/** Something to try at once: what /etc/resolv.conf names, cached, on an unprivileged port of the loopback. */
function embeddedCorefile(port: number): string {
  return `.:${port} {
    bind 127.0.0.1
    errors
    log
    health 127.0.0.1:8080
    ready 127.0.0.1:8181
    prometheus 127.0.0.1:9253
    cache 30
    forward . /etc/resolv.conf
}
`;
}
