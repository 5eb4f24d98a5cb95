/** Rules that change type or class of the question. */
import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { classFromName, typeFromName } from '../../wire/types.ts';
import type { RuleBody } from './rule.ts';

/** `FROM TO` */
export function parseTypeRule(cursor: Cursor, args: readonly Token[]): RuleBody {
  return parseQuestionRule(cursor, args, { what: 'type', example: 'A or AAAA', key: 'qtype', numberOf: typeFromName });
}

/** `FROM TO` */
export function parseClassRule(cursor: Cursor, args: readonly Token[]): RuleBody {
  return parseQuestionRule(cursor, args, {
    what: 'class',
    example: 'IN or CH',
    key: 'qclass',
    numberOf: classFromName,
  });
}

type Field = {
  readonly what: string;
  readonly example: string;
  readonly key: 'qtype' | 'qclass';
  readonly numberOf: (text: string) => number | undefined;
};

function parseQuestionRule(cursor: Cursor, args: readonly Token[], { what, example, key, numberOf }: Field): RuleBody {
  if (args.length !== 2) throw cursor.error(`${what} rules must have exactly two arguments, got ${args.length}`);
  const [from, to] = args.map((token) => {
    const number = numberOf(token.text);
    if (number === undefined)
      throw cursor.error(`invalid ${what} "${token.text}", expected one such as ${example}`, token);
    return number;
  });
  return {
    concerns: () => true,
    apply(request) {
      if (request[key] !== from) return undefined;
      request[key] = to;
      return [];
    },
  };
}
