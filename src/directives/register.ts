import type { ServerBlock } from '../corefile/cursor.ts';
import type { Block, Directive, HitRules, Wrap } from './contract.ts';

/** Sets a directive up in its block, with what its lines there said; `allowHits` and `concerns` are the directive's. */
export type SetUp = {
  run(block: Block): Wrap | undefined;
  allowHits(rules: HitRules): boolean;
  concerns(qname: string): boolean;
};

/** A directive as the server sees it, whatever its configuration looks like. */
export type RegisteredDirective = {
  readonly name: string;
  readonly anyClass: boolean;
  /** Parses all occurrences in a block; throws ConfigError. Gives as many set-ups as there are handlers to make. */
  configure(block: ServerBlock): SetUp[];
};

/** A directive that is loaded when its name stands in a Corefile. */
export function onDemand(name: string, load: () => Directive<unknown>): RegisteredDirective {
  let loaded: RegisteredDirective | undefined;
  const directive = () => {
    loaded ??= register(load());
    return loaded;
  };
  return {
    name,
    get anyClass() {
      return directive().anyClass;
    },
    configure: (block) => directive().configure(block),
  };
}

export function register<Config>(directive: Directive<Config>): RegisteredDirective {
  const { name, anyClass = false } = directive;
  const configure = (block: ServerBlock): SetUp[] =>
    parseAll(directive, block).map((config) => {
      return {
        run: (builder) => directive.setup(config, builder),
        allowHits: (rules) => directive.allowHits?.(config, rules) ?? false,
        concerns: (qname) => directive.concerns?.(config, qname) ?? true,
      };
    });
  return { name, anyClass, configure };
}

/** The configurations that count, as the directive's rule for repetition says. */
function parseAll<Config>({ name, repeat, parse }: Directive<Config>, block: ServerBlock): Config[] {
  const cursors = block.directives.filter((cursor) => cursor.name.text === name);
  const [first, second] = cursors;
  if (first === undefined) return [];
  if (repeat === 'once' && second !== undefined) {
    throw second.error(`may stand only once in a server block, and does on line ${first.name.line} already`);
  }
  const configs = cursors.map((cursor) => parse(cursor, block.keys));
  if (typeof repeat === 'function') return [repeat(configs)];
  if (repeat === 'each') return configs;
  return repeat === 'last' ? configs.slice(-1) : configs.slice(0, 1);
}
