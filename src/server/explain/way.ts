import type { Cursor, Key } from '../../corefile/cursor.ts';
import { isSubdomain } from '../../wire/name.ts';
import type { RunningBlock } from '../block.ts';
import type { ConfiguredBlock } from '../configure.ts';
import type { Inspection } from '../inspect.ts';

/** The way of a question through a server block, which is the same through all these listeners. */
export type Way = {
  /** Ids of listeners: `dns://169.254.20.10:53`. */
  readonly servers: readonly string[];
  /** The key of the zone that the name lies in; undefined: no block is for it. */
  readonly key: Key | undefined;
  /** The lines of the directives that handle such a query, in the order in which it meets them. */
  readonly lines: readonly Cursor[];
};

/** Each listener may have other blocks: the ways that the question takes, one for each block. */
export function waysOf({ targets, blocks }: Inspection, qname: string, qtype: number): Way[] {
  const ways = new Map<RunningBlock | undefined, Way & { readonly servers: string[] }>();
  for (const { id, port, router } of targets) {
    const running = router.route(qname, qtype);
    const known = ways.get(running);
    if (known !== undefined) {
      known.servers.push(id);
      continue;
    }
    const configured = running === undefined ? undefined : blocks.get(running);
    const keys = configured?.block.keys.filter((key) => key.port === port && isSubdomain(qname, key.zone)) ?? [];
    const [key] = keys.toSorted((a, b) => b.zone.length - a.zone.length);
    const lines = configured === undefined ? [] : linesFor(configured, running?.handlers ?? [], qname);
    ways.set(running, { servers: [id], key, lines });
  }
  return [...ways.values()];
}

function linesFor({ block, directives }: ConfiguredBlock, handlers: readonly string[], qname: string): Cursor[] {
  return directives
    .filter(({ directive }) => handlers.includes(directive.name))
    .flatMap(({ directive, setUps }) => {
      const lines = block.directives.filter(({ name }) => name.text === directive.name);
      const concerned = setUps.map((setUp) => setUp.concerns(qname));
      // Several lines may make one handler together.
      if (setUps.length !== lines.length) return concerned.some(Boolean) ? lines : [];
      return lines.filter((_, index) => concerned[index]);
    });
}
