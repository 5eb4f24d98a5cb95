import { setImmediate } from 'node:timers/promises';
import { IPV4_BYTES, parseAddress } from '../../wire/address.ts';
import { isSubdomain, lowerText, nameFromText, nameToText } from '../../wire/name.ts';

/**
 * Of one name, and of one address: a list to block names maps 100,000 of them to 0.0.0.0, and a question for that one
 * shall cost less than half a millisecond.
 */
const MAX_ADDRESSES = 1024;
const MAX_NAMES = 128;
/** A large file is read beside queries, not before them: this many lines take about a millisecond. */
const LINES_PER_TURN = 250;
/** What most names look like, and what has nothing to lower or to escape. */
const PLAIN_NAME = /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?$/;
const MAX_PLAIN_CHARACTERS = 253;

const NOTHING: readonly never[] = [];

export type TableOptions = {
  /** Names outside are left out; lower case, with final dot. */
  readonly zones: readonly string[];
  readonly withReverse: boolean;
};

/** What lines as of hosts(5) say: `192.0.2.1 www.example.org www`. */
export class HostsTable {
  readonly #options: TableOptions;
  readonly #v4 = new Map<string, Uint8Array[]>();
  readonly #v6 = new Map<string, Uint8Array[]>();
  /** By `String(bytes)` of the address. */
  readonly #names = new Map<string, string[]>();
  /** Lists with a single address, by its text: most names of a large file have one of a few. */
  readonly #single = new Map<string, Uint8Array[]>();
  #count = 0;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  /** Addresses and names that it has, each by each name and address. */
  get count(): number {
    return this.#count;
  }

  /** In the order of the lines; `name` in lower case, with final dot. */
  addresses(name: string, family: 4 | 6): readonly Uint8Array[] {
    return (family === 4 ? this.#v4 : this.#v6).get(name) ?? NOTHING;
  }

  hasName(name: string): boolean {
    return this.#v4.has(name) || this.#v6.has(name);
  }

  /** In the order of the lines, lower case, with final dot. */
  names(address: Uint8Array): readonly string[] {
    return this.#names.get(String(address)) ?? NOTHING;
  }

  /** False: the line does not begin with an address. */
  add(line: string): boolean {
    const [entry] = line.split('#', 1);
    const [word = '', ...names] = entry.trim().split(/\s+/);
    const [text] = word.split('%', 1);
    if (text === '') return true;
    const address = parseAddress(text);
    if (address === undefined) return false;
    for (const name of names) this.#put(text, address, name);
    return true;
  }

  #put(text: string, address: Uint8Array, word: string): void {
    const name = nameOf(word);
    if (name === undefined || !this.#options.zones.some((zone) => isSubdomain(name, zone))) return;
    this.#putAddress(address.length === IPV4_BYTES ? this.#v4 : this.#v6, name, text, address);
    if (this.#options.withReverse) this.#putName(String(address), name);
  }

  #putAddress(map: Map<string, Uint8Array[]>, name: string, text: string, address: Uint8Array): void {
    const known = map.get(name);
    if (known === undefined) {
      const single = this.#single.get(text) ?? [address];
      this.#single.set(text, single);
      map.set(name, single);
    } else if (known.length === 1) {
      map.set(name, [...known, address]); // The single one belongs to other names, too.
    } else if (known.length < MAX_ADDRESSES) {
      known.push(address);
    } else {
      return;
    }
    this.#count++;
  }

  #putName(address: string, name: string): void {
    const known = this.#names.get(address);
    if (known === undefined) this.#names.set(address, [name]);
    else if (known.length < MAX_NAMES) known.push(name);
    else return;
    this.#count++;
  }
}

/** As qnames are written: lower case, with final dot; undefined if it is no name. */
function nameOf(word: string): string | undefined {
  if (word.length <= MAX_PLAIN_CHARACTERS && PLAIN_NAME.test(word)) return word.endsWith('.') ? word : `${word}.`;
  const name = nameFromText(word);
  return name === undefined ? undefined : lowerText(nameToText(name, 0));
}

/** The table of a whole file; lines that mean nothing are passed over. */
export async function readTable(content: string, options: TableOptions): Promise<HostsTable> {
  const table = new HostsTable(options);
  let lines = 0;
  for (let start = 0; start < content.length; ) {
    const newline = content.indexOf('\n', start);
    const end = newline === -1 ? content.length : newline;
    table.add(content.slice(start, end));
    start = end + 1;
    if (++lines % LINES_PER_TURN === 0) await setImmediate();
  }
  return table;
}
