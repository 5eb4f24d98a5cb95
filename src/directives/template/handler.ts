import { FLAG_TC, RCODE_SERVFAIL, setFlags } from '../../wire/header.ts';
import { type ResourceRecord, readRecord } from '../../wire/record.ts';
import { TYPE_A, TYPE_AAAA, TYPE_CNAME } from '../../wire/types.ts';
import type { MessageView } from '../../wire/view.ts';
import type { Block, Handler, MaybePromise, Outcome, Query } from '../contract.ts';
import { localReply } from '../local-reply.ts';
import type { Rule, TemplateConfig } from './config.ts';
import { dataOf } from './data.ts';
import { longestZone, type Match, match } from './match.ts';
import { type TemplateMetrics, templateMetrics } from './metrics.ts';
import { recordsOf, type Sections } from './records.ts';

const SOURCE = 'template';
const NO_ANSWER: Outcome = { response: undefined, rcode: RCODE_SERVFAIL, source: '' };

/** Answers what a rule is for. */
export function setup({ rules }: TemplateConfig, block: Block) {
  const metrics = templateMetrics(block.process.metrics);
  return (next: Handler): Handler =>
    (query) => {
      for (const rule of rules) {
        const found = match(rule, query);
        if (typeof found === 'object') return answer(query, rule, found, metrics);
        const ends = found === 'mismatch' && longestZone(rule.fallthrough, query.qname) === undefined;
        if (ends) return NO_ANSWER;
      }
      return next(query);
    };
}

function answer(query: Query, rule: Rule, found: Match, metrics: TemplateMetrics): MaybePromise<Outcome> {
  const data = dataOf(query, rule, found);
  const { Zone, Class, Type } = data.fields;
  metrics.matches.labels(query.server, Zone, '', Class, Type).inc();
  if (rule.rcode === RCODE_SERVFAIL) return NO_ANSWER;
  const sections = recordsOf(query, rule, data, metrics);
  if (sections instanceof Error) return { ...NO_ANSWER, error: sections };
  const isForAddress = query.qtype === TYPE_A || query.qtype === TYPE_AAAA;
  if (isForAddress && sections.answer.some(({ type }) => type === TYPE_CNAME)) return follow(query, rule, sections);
  return outcomeOf(query, rule, sections);
}

/** Behind each alias comes what the whole server has for its target; nothing if it has nothing. */
async function follow(query: Query, rule: Rule, sections: Sections): Promise<Outcome> {
  const records: ResourceRecord[] = [];
  let isTruncated = false;
  for (const record of sections.answer) {
    records.push(record);
    if (record.type !== TYPE_CNAME) continue;
    const { response } = await query.resolve(record.rdata, query.qtype);
    if (response === undefined) continue;
    records.push(...answersOf(response));
    isTruncated ||= response.tc;
  }
  return outcomeOf(query, rule, { ...sections, answer: records }, isTruncated);
}

function answersOf(response: MessageView): ResourceRecord[] {
  const indexes = Array.from({ length: response.answerCount }, (_, i) => i);
  return indexes.flatMap((i) => readRecord(response, i) ?? []);
}

function outcomeOf(query: Query, { rcode, extendedError }: Rule, sections: Sections, isTruncated = false): Outcome {
  const { answer: answers, authority: authorities, additional: additionals } = sections;
  const response = localReply(query, { answers, authorities, additionals, rcode });
  if (isTruncated) setFlags(response.bytes, response.flags | FLAG_TC);
  return { response, rcode, source: SOURCE, ...(extendedError !== undefined && { extendedError }) };
}
