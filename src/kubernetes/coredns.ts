/** The Corefile of the cluster DNS: which zones and names it answers otherwise than any other resolver would. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Corefile, Cursor, ServerBlock, Token } from '../corefile/cursor.ts';
import { ConfigError, systemReason } from '../corefile/errors.ts';
import { parseCorefile } from '../corefile/parse.ts';
import type { Position } from '../corefile/token.ts';
import { zonesOf } from '../corefile/zones.ts';
import { zoneOfPattern } from './pattern-zone.ts';

export const COREFILE_KEY = 'Corefile';
/** Where the pods of the cluster DNS have their Corefile, and what it imports. */
const CLUSTER_ROOT = '/etc/coredns';
const ROOT_ZONE = '.';
const DNS_PORT = 53;

export type ClusterZone = {
  /** Lower case, with final dot; never the root. */
  readonly zone: string;
  readonly at: Position;
};

export type ClusterZones = {
  /** Each once, in file order. */
  readonly zones: readonly ClusterZone[];
  /** What could not be followed, a line each. */
  readonly warnings: readonly string[];
};

/** How many arguments stand before the zones of directives that take some. */
const ZONES_BEHIND: Readonly<Record<string, number>> = {
  auto: 0,
  etcd: 0,
  file: 1,
  hosts: 1,
  k8s_external: 0,
  k8s_gateway: 0,
  kubernetes: 0,
  secondary: 0,
  template: 2,
};

/**
 * The zones that have a block of their own, and those that the block of the root answers itself: the zones of its
 * directives, and names in `hosts`, `rewrite` and `template`. Only blocks on the port of the root count: it is the one
 * that the Service leads to. Throws ConfigError or ConfigErrors.
 */
export function readClusterZones(text: string, directory: string): ClusterZones {
  return new ClusterReader(directory).read(text);
}

class ClusterReader {
  readonly #directory: string;
  readonly #zones = new Map<string, ClusterZone>();
  readonly #warnings: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  read(text: string): ClusterZones {
    const { blocks, warnings } = this.#parse(text);
    const root = blocks.find(({ keys }) => keys.some(({ zone }) => zone === ROOT_ZONE));
    const port = root?.keys.find(({ zone }) => zone === ROOT_ZONE)?.port ?? DNS_PORT;
    for (const block of blocks) this.#readBlock(block, port);
    return { zones: [...this.#zones.values()], warnings: [...warnings, ...this.#warnings] };
  }

  /** Its environment is that of other pods, its directives may be those of another server. */
  #parse(text: string): Corefile {
    return parseCorefile(text, join(this.#directory, COREFILE_KEY), {
      env: {},
      defaultPort: DNS_PORT,
      readFile: (path) => this.#readImport(path),
      readDirectory: (path) => readdirSync(this.#placeOf(path) ?? path),
    });
  }

  #readBlock({ keys, directives }: ServerBlock, port: number): void {
    const served = keys.filter((key) => key.transport === 'dns' && key.port === port);
    for (const { zone, token } of served) this.#add(zone, token);
    if (!served.some(({ zone }) => zone === ROOT_ZONE)) return;
    for (const directive of directives) this.#readDirective(directive);
  }

  #readDirective(directive: Cursor): void {
    const { name, args } = directive;
    const behind = ZONES_BEHIND[name.text];
    const zones = behind === undefined ? [] : args.slice(behind);
    for (const zone of zones) this.#add(zone.text, zone);
    if (name.text === 'forward' || name.text === 'grpc')
      for (const from of args.slice(0, 1)) this.#add(from.text, from);
    if (name.text === 'hosts' && zones.length === 0) this.#readHosts(directive);
    if (name.text === 'template' && zones.length === 0) this.#readPatterns(directive);
    if (name.text === 'rewrite') this.#readRewrite(directive);
  }

  /** `hosts [FILE] { IP NAME… }` answers names of its file as well as those in braces. */
  #readHosts({ args, body }: Cursor): void {
    for (const line of body) {
      if (/^[\da-f:.]*[.:][\da-f:.]*$/i.test(line.name.text)) for (const name of line.args) this.#add(name.text, name);
    }
    const [file] = args;
    if (file === undefined) return;
    const path = resolve(CLUSTER_ROOT, file.text);
    try {
      const lines = readFileSync(this.#placeOf(path) ?? this.#missing(path), 'utf8').split('\n');
      for (const [index, line] of lines.entries()) {
        const [, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
        for (const name of names) this.#add(name, { file: path, line: index + 1 });
      }
    } catch (error) {
      const advice = `mount it below ${this.#directory} to have its names asked of the cluster DNS`;
      this.#warn(file, `hosts: cannot read "${file.text}": ${systemReason(error)}; ${advice}`);
    }
  }

  #readPatterns({ name, body }: Cursor): void {
    const matches = body.filter((line) => line.name.text === 'match').flatMap(({ args }) => args);
    if (matches.length === 0) return; // It answers all there is, such as AAAA queries with nothing.
    for (const match of matches) this.#addPattern(name.text, match);
  }

  /** `rewrite [continue|stop] name [exact|prefix|suffix|substring|regex] FROM TO …`, or such lines in braces. */
  #readRewrite({ args, body }: Cursor): void {
    const rule = args[0]?.text === 'continue' || args[0]?.text === 'stop' ? args.slice(1) : args;
    const rules = [rule, ...body.map((line) => [line.name, ...line.args])];
    for (const [field, ...words] of rules) if (field?.text === 'name') this.#readNameRule(words);
  }

  #readNameRule(words: readonly Token[]): void {
    const [kind, from] = words;
    if (kind === undefined) return;
    if (kind.text === 'regex' && from !== undefined) this.#addPattern('rewrite', from);
    else if (kind.text === 'suffix' && from !== undefined) this.#add(from.text.replace(/^\./, ''), from);
    else if (kind.text === 'exact' && from !== undefined) this.#add(from.text, from);
    else if (kind.text === 'substring' && from !== undefined) this.#addSubstring(from);
    else if (kind.text === 'prefix' || kind.text === 'substring') this.#cannotTell('rewrite', kind);
    else this.#add(kind.text, kind);
  }

  /** It ends in a dot, as names do: what is written as one of several labels is meant for the end of them. */
  #addSubstring(part: Token): void {
    const zone = part.text.replace(/^\.|\.$/g, '');
    if (!zone.includes('.')) {
      this.#cannotTell('rewrite', part);
      return;
    }
    this.#add(zone, part);
    const advice = 'the cluster DNS is asked for names that end so, and not for others that have it';
    this.#warn(part, `rewrite: substring "${part.text}": ${advice}`);
  }

  #addPattern(directive: string, pattern: Token): void {
    const zone = zoneOfPattern(pattern.text);
    if (zone === undefined) this.#cannotTell(directive, pattern);
    else this.#add(zone, pattern);
  }

  #cannotTell(directive: string, at: Token): void {
    this.#warn(at, `${directive}: cannot tell which zone its names are in, so the cluster DNS is not asked for them`);
  }

  #add(text: string, at: Position): void {
    const parsed = zonesOf(text);
    const zones = 'problem' in parsed ? [] : parsed.zones;
    for (const zone of zones) {
      if (zone !== ROOT_ZONE && !this.#zones.has(zone)) this.#zones.set(zone, { zone, at: this.#here(at) });
    }
  }

  /** Where the operator finds it, also if the cluster DNS knows the file by another name. */
  #here({ file, line }: Position): Position {
    return { file: this.#placeOf(resolve(file)) ?? file, line };
  }

  /** What is not mounted here must not hide the rest. */
  #readImport(path: string): string {
    try {
      return readFileSync(this.#placeOf(path) ?? this.#missing(path), 'utf8');
    } catch (error) {
      const advice = `mount it below ${this.#directory}`;
      this.#warnings.push(`${this.#directory}: cannot import "${path}": ${systemReason(error)}; ${advice}`);
      return '';
    }
  }

  /** Where a file of the cluster DNS is here; nothing outside of the mounted directory is read. */
  #placeOf(path: string): string | undefined {
    const below = (root: string) => {
      const rest = relative(root, path);
      return rest === '..' || rest.startsWith('../') ? undefined : join(this.#directory, rest);
    };
    return below(resolve(this.#directory)) ?? below(CLUSTER_ROOT);
  }

  #missing(path: string): never {
    throw new Error(`"${path}" is not below ${CLUSTER_ROOT}`);
  }

  #warn(at: Position, message: string): void {
    this.#warnings.push(new ConfigError(this.#here(at), message).message);
  }
}
