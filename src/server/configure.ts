import type { Cursor, Key, ServerBlock } from '../corefile/cursor.ts';
import { ConfigError, ConfigErrors, throwConfigErrors } from '../corefile/errors.ts';
import type { Directive } from '../directives/contract.ts';
import { COREDNS_DIRECTIVES, DIRECTIVES } from '../directives/order.ts';

/** One directive of a block, ready to be set up; with `each`, one stanza of it. */
export type ConfiguredDirective = { readonly directive: Directive<unknown>; readonly config: unknown };
export type ConfiguredBlock = { readonly block: ServerBlock; readonly directives: readonly ConfiguredDirective[] };

/** Parses the directives of all blocks, in the order of DIRECTIVES; throws all errors that it finds at once. */
export function configure(blocks: readonly ServerBlock[]): ConfiguredBlock[] {
  const errors: ConfigError[] = [];
  const collect = <T>(run: () => T): T | undefined => {
    try {
      return run();
    } catch (error) {
      if (error instanceof ConfigErrors) errors.push(...error.errors);
      else if (error instanceof ConfigError) errors.push(error);
      else throw error;
      return undefined;
    }
  };
  const configured = blocks.map((block) => {
    for (const key of block.keys) collect(() => checkTransport(key));
    for (const cursor of block.directives) collect(() => checkAvailable(cursor));
    const directives = DIRECTIVES.flatMap((directive) => collect(() => configureDirective(directive, block)) ?? []);
    return { block, directives };
  });
  throwConfigErrors(errors);
  return configured;
}

/** A block that asks for encryption must not be served in the clear. */
function checkTransport(key: Key): void {
  if (key.transport === 'dns') return;
  const advice = `serve the zone as dns://${key.zone}, or without a scheme`;
  throw new ConfigError(key.token, `nodens does not serve ${key.transport}://, got "${key.token.text}"; ${advice}`);
}

function checkAvailable(cursor: Cursor): void {
  const name = cursor.name.text;
  if (DIRECTIVES.some((directive) => directive.name === name) || !COREDNS_DIRECTIVES.includes(name)) return;
  throw cursor.error(
    'nodens does not have this directive; remove it, or see docs/differences.md for what to use instead',
  );
}

function configureDirective(directive: Directive<unknown>, block: ServerBlock): ConfiguredDirective[] {
  const cursors = block.directives.filter((cursor) => cursor.name.text === directive.name);
  const [first, second] = cursors;
  if (first === undefined) return [];
  const { repeat } = directive;
  if (repeat === 'once' && second !== undefined) {
    throw second.error(`may stand only once in a server block, and does on line ${first.name.line} already`);
  }
  const configs = cursors.map((cursor) => directive.parse(cursor, block.keys));
  const counted =
    repeat === 'last' ? configs.slice(-1) : repeat === 'first' || repeat === 'once' ? configs.slice(0, 1) : configs;
  const merged = typeof repeat === 'function' ? [repeat(counted)] : counted;
  return merged.map((config) => ({ directive, config }));
}
