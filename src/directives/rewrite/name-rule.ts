import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { backFrom, ownerRule, valueRule } from './answers.ts';
import { type Kind, type NameChange, normalName, parseChange, parsePatternChange, takeKind } from './names.ts';
import type { ResponseRule, RuleBody } from './rule.ts';

/** What a name rule does with responses. */
type Answers = {
  /** Names are changed back. */
  readonly isAuto: boolean;
  readonly rules: readonly ResponseRule[];
};

/** `[KIND] FROM TO [answer auto | answer name FROM TO | answer value FROM TO]...`; without KIND it is `exact`. */
export function parseNameRule(cursor: Cursor, words: readonly Token[]): RuleBody {
  if (words.length < 2) throw cursor.error('too few arguments for a name rule, expected [KIND] FROM TO');
  const { kind, args } = takeKind(cursor, words, { hasKind: words.length > 2, what: 'name' });
  const [from, to, ...rest] = args;
  const change = parseChange(cursor, kind, [from, to]);
  const answers = rest.length === 0 ? { isAuto: false, rules: [] } : parseAnswers(cursor, kind, rest);
  const responseRules = responseRulesOf(kind, [from, to], answers);
  return {
    concerns: (qname) => change(qname) !== undefined,
    apply(request) {
      const { name } = request;
      const changed = change(name);
      if (changed === undefined) return undefined;
      request.rename(changed);
      return responseRules(changed, name);
    },
  };
}

/** The rules for responses, by what has become of which name. */
function responseRulesOf(
  kind: Kind,
  [from, to]: readonly [Token, Token],
  { isAuto, rules }: Answers,
): (changed: string, name: string) => readonly ResponseRule[] {
  const both = (change: NameChange) => [ownerRule(change), valueRule(change), ...rules];
  if (kind === 'suffix' && isAuto) {
    const back = both(suffixBack(normalName(to.text), normalName(from.text)));
    return () => back;
  }
  if (kind === 'exact' || isAuto) return (changed, name) => both(backFrom(changed, name));
  return () => rules;
}

function suffixBack(to: string, from: string): NameChange {
  return (name) => (name.endsWith(to) ? name.slice(0, name.length - to.length) + from : undefined);
}

/** The word `answer` may be left out behind another part. */
function parseAnswers(cursor: Cursor, kind: Kind, args: readonly Token[]): Answers {
  const [first] = args;
  if (first.text !== 'answer') {
    throw cursor.error(`unexpected "${first.text}" behind a name ${kind} rule, expected answer`, first);
  }
  const rules: ResponseRule[] = [];
  let auto: Token | undefined;
  let named: Token | undefined;
  const rest = [...args];
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    const field: Token | undefined = part.text === 'answer' ? rest.shift() : part;
    if (field === undefined) throw cursor.error('answer: expected auto, name FROM TO or value FROM TO', part);
    if (field.text === 'auto') {
      auto = field;
      continue;
    }
    if (field.text !== 'name' && field.text !== 'value') {
      throw cursor.error(`answer: invalid type "${field.text}", expected auto, name or value`, field);
    }
    const [from, to] = rest.splice(0, 2);
    if (to === undefined) throw cursor.error(`answer ${field.text}: 2 arguments required, FROM and TO`, field);
    const change = parsePatternChange(cursor, [from, to]);
    if (field.text === 'name') named = field;
    rules.push(field.text === 'name' ? ownerRule(change) : valueRule(change));
  }
  if (auto !== undefined && named !== undefined) {
    throw cursor.error('answer auto cannot be combined with answer name', named);
  }
  return { isAuto: auto !== undefined, rules };
}
