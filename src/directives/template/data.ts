/** What templates see of a query, under the names of CoreDNS. */
import { className, typeName } from '../../wire/types.ts';
import type { Query } from '../contract.ts';
import type { Rule } from './config.ts';
import { type Callable, type Dictionary, type Struct, strings } from './gotemplate/values.ts';
import type { Match } from './match.ts';
import { messageOf, questionOf } from './message.ts';

export type TemplateData = Struct & {
  readonly fields: { readonly Class: string; readonly Type: string; readonly Zone: string };
};

export function dataOf(query: Query, rule: Rule, match: Match): TemplateData {
  const { request } = query;
  const metaOf: Callable = { parameters: ['string'], call: ([name]) => query.metadata.get(String(name)) ?? '' };
  return {
    kind: 'struct',
    type: '*template.templateData',
    text: '&{}',
    fields: {
      Zone: match.zone,
      Name: query.qname,
      Regex: match.pattern,
      Match: strings(match.groups),
      Group: groupsOf(match),
      Class: classOf(query, rule),
      Type: typeOf(query, rule),
      get Message() {
        return messageOf(request);
      },
      Question: questionOf(request),
      Remote: query.clientAddress,
    },
    methods: { Meta: metaOf },
  };
}

/** By number, and those that have one by name. */
function groupsOf({ groups, names }: Match): Dictionary {
  const entries = new Map(groups.map((text, i) => [String(i), text]));
  for (const [name, i] of Object.entries(names)) entries.set(name, groups[i]);
  return { kind: 'map', entries };
}

/** Of a query for ANY, the class and type of the rule. Those without a mnemonic are empty, as in CoreDNS. */
function classOf({ qclass }: Query, rule: Rule): string {
  const name = className(qclass);
  return name === 'ANY' ? className(rule.qclass) : name.startsWith('CLASS') ? '' : name;
}

function typeOf({ qtype }: Query, rule: Rule): string {
  const name = typeName(qtype);
  return name === 'ANY' ? typeName(rule.qtype) : name.startsWith('TYPE') ? '' : name;
}
