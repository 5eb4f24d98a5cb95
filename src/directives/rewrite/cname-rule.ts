import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { RCODE_SERVFAIL } from '../../wire/header.ts';
import { lowerText, nameFromText, nameToLowerText, type WireName } from '../../wire/name.ts';
import type { ResourceRecord } from '../../wire/record.ts';
import { TYPE_CNAME } from '../../wire/types.ts';
import { SECTION_ANSWER } from '../../wire/view.ts';
import type { Outcome } from '../contract.ts';
import { valueText, withValue } from './answers.ts';
import { type NameChange, normalName, parseChange, takeKind } from './names.ts';
import { type PlacedRecord, type ResponseDraft, readRecords } from './response-draft.ts';
import type { RuleBody } from './rule.ts';

/** Of an answer's aliases; a longer chain serves nobody. */
const MAX_ALIASES = 16;

/** `[KIND] FROMTARGET TOTARGET`: aliases lead elsewhere. But for `exact`, the operands are taken as they are. */
export function parseCnameRule(cursor: Cursor, words: readonly Token[]): RuleBody {
  if (words.length !== 2 && words.length !== 3) {
    throw cursor.error('wrong number of arguments for a cname rule, expected cname [KIND] FROM TO', words.at(-1));
  }
  const { kind, args } = takeKind(cursor, words, { hasKind: words.length === 3, what: 'cname' });
  const [from, to] = args;
  const change = parseChange(cursor, kind, [from, to], kind === 'exact' ? normalName : lowerText);
  const rules = [(response: ResponseDraft) => redirect(response, change)];
  return { concerns: () => true, apply: () => rules };
}

/** Has the aliases lead to another name, if one of their targets is to be changed, and answers with what that name has. */
function redirect(response: ResponseDraft, change: NameChange): Promise<void> | undefined {
  const aliases = response.answers.filter(({ type }) => type === TYPE_CNAME).slice(0, MAX_ALIASES);
  for (const alias of aliases) {
    const changed = change(valueText(alias) ?? '.');
    const target = changed === undefined ? undefined : nameFromText(changed);
    if (target !== undefined) return redirectTo(response, target);
  }
  return undefined;
}

async function redirectTo(response: ResponseDraft, target: WireName): Promise<void> {
  const { query } = response;
  const outcome = await query.resolve(target, query.qtype);
  const found = outcome.response;
  if (found === undefined || outcome.rcode === RCODE_SERVFAIL) {
    response.fault = `cname: no answer for ${nameToLowerText(target, 0)}: ${reasonOf(outcome)}`;
    return;
  }
  if (found.tc) response.isTruncated = true;
  const others = response.records.filter(({ section }) => section !== SECTION_ANSWER);
  const aliases = response.answers.filter(({ type }) => type === TYPE_CNAME).map((alias) => withValue(alias, target));
  const answers = [...aliases, ...reachable(readRecords(found), target)];
  response.records = [...answers.map((record): PlacedRecord => ({ section: SECTION_ANSWER, record })), ...others];
}

function reasonOf({ error, rcode }: Outcome): string {
  return error?.message ?? `rcode ${rcode}`;
}

/** The answers that belong to the name, or to what it is an alias of. */
function reachable(records: readonly PlacedRecord[], name: WireName): ResourceRecord[] {
  const names = new Set([nameToLowerText(name, 0)]);
  const found: ResourceRecord[] = [];
  for (const { section, record } of records) {
    if (section !== SECTION_ANSWER || !names.has(nameToLowerText(record.owner, 0))) continue;
    found.push(record);
    if (record.type === TYPE_CNAME) names.add(valueText(record) ?? '.');
  }
  return found;
}
