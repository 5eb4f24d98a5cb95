import type { Cursor, Key, ServerBlock } from '../corefile/cursor.ts';
import { ConfigError, ConfigErrors, throwConfigErrors } from '../corefile/errors.ts';
import { ADVICE } from '../directives/advice.ts';
import { DIRECTIVES } from '../directives/order.ts';
import type { RegisteredDirective, SetUp } from '../directives/register.ts';

/** A directive of a block, parsed and ready to be set up; `line` is its last one, for errors. */
export type ConfiguredDirective = {
  readonly directive: RegisteredDirective;
  readonly line: Cursor;
  readonly setUps: readonly SetUp[];
};
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
    const directives = DIRECTIVES.flatMap((directive) => {
      const line = block.directives.findLast((cursor) => cursor.name.text === directive.name);
      if (line === undefined) return [];
      return [{ directive, line, setUps: collect(() => directive.configure(block)) ?? [] }];
    });
    return { block, directives };
  });
  throwConfigErrors(errors);
  return configured;
}

/** A block that asks for encryption must not be served in the clear. */
function checkTransport(key: Key): void {
  if (key.transport === 'dns') return;
  const advice =
    key.transport === 'unix' ? 'remove the block' : `serve the zone as dns://${key.zone}, or without a scheme`;
  throw new ConfigError(key.token, `nodens does not serve ${key.transport}://, got "${key.token.text}"; ${advice}`);
}

function checkAvailable(cursor: Cursor): void {
  const advice = ADVICE.get(cursor.name.text);
  if (advice !== undefined) throw cursor.error(`nodens does not have this directive: ${advice}`);
}
