import { readFileSync } from 'node:fs';
import type { Cursor, Token } from '../../corefile/cursor.ts';
import type { Logger } from '../../observe/logger.ts';
import { type Endpoint, type NamedServer, notAnAddress, parseTarget } from '../../upstream/endpoint.ts';
import { endpointsOf, lookUpHost } from '../../upstream/host-lookup.ts';
import { parseResolvConf } from '../../upstream/resolv-conf.ts';
import { WatchedFile } from '../../upstream/watched-file.ts';

const MAX_ENDPOINTS = 15;
const WHAT_TO_DO = 'add lines "nameserver IP", or give the upstreams by IP address';

/** What one TO stands for. Those of a file change with it, those of a name are known once it has been looked up. */
type Source = {
  readonly token: Token;
  readonly path?: string;
  readonly text?: string;
  readonly server?: NamedServer;
  endpoints: readonly Endpoint[];
};

export type TargetsOptions = {
  readonly cursor: Cursor;
  readonly tokens: readonly Token[];
  readonly log: Logger;
  /** Asked for the addresses of names; the system is where there are none. */
  readonly resolvers: readonly Endpoint[];
  /** Of the addresses of names those count that this is true of. */
  readonly isUsable: (address: string) => boolean;
  readonly tlsServerName: string | undefined;
  /** The endpoints are other ones from now on. */
  readonly onChange: (endpoints: readonly Endpoint[]) => void;
  readonly intervalMs?: number;
};

/** The endpoints that the TOs of one `forward` stand for, followed as files that list them change. */
export class Targets {
  readonly #options: TargetsOptions;
  readonly #sources: readonly Source[];
  readonly #watches: WatchedFile[] = [];

  /** Throws ConfigError: a TO that is neither address nor file nor name, too many or no endpoints. */
  constructor(options: TargetsOptions) {
    const { cursor, tokens } = options;
    this.#options = options;
    this.#sources = tokens.map((token) => readSource(cursor, token));
    this.#checkCount();
    const isEmpty = this.endpoints.length === 0 && this.#sources.every(({ server }) => server === undefined);
    if (isEmpty) throw cursor.error(`no nameservers found in ${namesOf(tokens)}; ${WHAT_TO_DO}`, tokens[0]);
    for (const { path, ignored } of this.#sources.flatMap(ignoredOf)) {
      options.log.warning(`${path}: nameserver ${ignored} is no IP address and is ignored`);
    }
  }

  /** In the order of the TOs and of the lines of their files. */
  get endpoints(): Endpoint[] {
    return this.#sources.flatMap((source) => source.endpoints);
  }

  /** Those that are given by name. */
  get named(): NamedServer[] {
    return this.#sources.flatMap(({ server }) => (server === undefined ? [] : [server]));
  }

  /** Looks the names up, once. Rejects with a ConfigError if one has no usable address, or there are too many. */
  async lookUp(): Promise<void> {
    const named = this.#sources.filter(({ server }) => server !== undefined);
    if (named.length === 0) return;
    await Promise.all(named.map((source) => this.#lookUp(source)));
    this.#checkCount();
    this.#options.onChange(this.endpoints);
  }

  async #lookUp(source: Source): Promise<void> {
    const { cursor, resolvers, isUsable, tlsServerName } = this.#options;
    const { server, token } = source;
    if (server === undefined) return;
    try {
      const addresses = await lookUpHost(server.hostname, resolvers);
      source.endpoints = endpointsOf(server, addresses.filter(isUsable), tlsServerName);
      if (source.endpoints.length === 0) throw new Error(`none of its addresses ${addresses.join(', ')} can be used`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw cursor.error(`${notAnAddress(token.text)}, and no name that can be looked up: ${reason}`, token);
    }
  }

  #checkCount(): void {
    const count = this.endpoints.length;
    if (count > MAX_ENDPOINTS) {
      throw this.#options.cursor.error(`more than ${MAX_ENDPOINTS} TOs configured: ${count}`);
    }
  }

  watch(): void {
    for (const source of this.#sources) {
      const { path, text } = source;
      if (path === undefined || text === undefined) continue;
      const onChange = (content: string | Error) => this.#onFileChanged(source, path, content);
      const { intervalMs } = this.#options;
      const watched = new WatchedFile({
        path,
        content: text,
        onChange,
        ...(intervalMs === undefined ? {} : { intervalMs }),
      });
      this.#watches.push(watched);
      watched.start();
    }
  }

  stop(): void {
    for (const watched of this.#watches) watched.stop();
  }

  /** Files are written by others: a bad one leaves the upstreams as they are. */
  #onFileChanged(source: Source, path: string, content: string | Error): void {
    const { log, onChange } = this.#options;
    const before = source.endpoints;
    const endpoints = content instanceof Error ? [] : parseResolvConf(content).nameservers;
    if (endpoints.length === 0) {
      const reason = content instanceof Error ? content.message : 'no nameservers found in it';
      log.warning(`keeping the upstreams of ${path}: ${reason}`);
      return;
    }
    source.endpoints = endpoints;
    const all = this.endpoints;
    if (all.length > MAX_ENDPOINTS) {
      source.endpoints = before;
      log.warning(`keeping the upstreams of ${path}: more than ${MAX_ENDPOINTS} TOs configured: ${all.length}`);
      return;
    }
    log.info(`${path} has changed, upstreams are now ${all.map((endpoint) => endpoint.text).join(' ')}`);
    onChange(all);
  }
}

function readSource(cursor: Cursor, token: Token): Source {
  const target = parseTarget(token.text);
  if ('problem' in target) throw cursor.error(target.problem, token);
  if ('endpoint' in target) return { token, endpoints: [target.endpoint] };
  if ('file' in target) {
    const text = readText(target.file);
    if (text !== undefined) return { token, path: target.file, text, endpoints: parseResolvConf(text).nameservers };
  }
  if (target.server === undefined) throw cursor.error(notAnAddress(token.text), token);
  return { token, server: target.server, endpoints: [] };
}

function namesOf(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join(', ');
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function ignoredOf({ path = '', text = '' }: Source): { path: string; ignored: string }[] {
  return parseResolvConf(text).ignored.map((ignored) => ({ path, ignored }));
}
