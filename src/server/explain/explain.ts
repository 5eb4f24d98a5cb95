/** What would happen to a name that a pod asks for. */
import type { Cursor, Key } from '../../corefile/cursor.ts';
import { formatLine } from '../../corefile/format.ts';
import type { CachedAnswer } from '../cached.ts';
import type { Inspection } from '../inspect.ts';
import type { Asked, Reached, Upstreams } from './reached.ts';
import { type Way, waysOf } from './way.ts';

/** A line of the configuration, in one line, and its place. */
export type ExplainedLine = {
  readonly text: string;
  /** `Corefile:12` */
  readonly at: string;
  /** Whom it asks. */
  readonly upstreams?: readonly Reached[];
  /** What they say, if they are asked. */
  readonly asked?: readonly Asked[];
};

export type ExplainedWay = {
  readonly servers: readonly string[];
  /** The zone and its place; undefined: no block is for the name, which is refused. */
  readonly zone: string | undefined;
  readonly at: string | undefined;
  readonly lines: readonly ExplainedLine[];
};

/** One of the names that are tried. */
export type ExplainedName = {
  readonly qname: string;
  readonly ways: readonly ExplainedWay[];
  /** What a running instance has; undefined: none was asked. */
  readonly cached: readonly CachedAnswer[] | undefined;
};

/** Explains one name; `asks` has its upstreams asked. */
export async function explainName(
  inspection: Inspection,
  upstreams: Upstreams,
  { qname, qtype, asks }: { readonly qname: string; readonly qtype: number; readonly asks: boolean },
): Promise<Omit<ExplainedName, 'cached'>> {
  const ways = waysOf(inspection, qname, qtype).map(async (way): Promise<ExplainedWay> => {
    const lines = reachedLines(way).map(async (line): Promise<ExplainedLine> => {
      const explained = { text: lineText(line), at: placeOf(line.name) };
      if (line.name.text !== 'forward') return explained;
      const reached = { ...explained, upstreams: upstreams.reached(line) };
      return asks ? { ...reached, asked: await upstreams.ask(line, qname, qtype) } : reached;
    });
    const { servers, key } = way;
    return { servers, zone: key?.zone, at: key && placeOf(key.token), lines: await Promise.all(lines) };
  });
  return { qname, ways: await Promise.all(ways) };
}

/** A `forward` that never hands on answers, and all behind it is in nobody's way. */
function reachedLines({ lines }: Way): readonly Cursor[] {
  const handsOn = ({ body }: Cursor) => body.some(({ name }) => name.text.startsWith('next'));
  const last = lines.findIndex((line) => line.name.text === 'forward' && !handsOn(line));
  return last === -1 ? lines : lines.slice(0, last + 1);
}

function lineText(line: Cursor): string {
  const [first = '', ...body] = formatLine(line, '').trimEnd().split('\n');
  const properties = body.slice(0, -1).map((property) => property.trim());
  return properties.length === 0 ? first : `${first} ${properties.join('; ')} }`;
}

function placeOf({ file, line }: Key['token']): string {
  return `${file}:${line}`;
}
