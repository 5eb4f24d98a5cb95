import { messageOf } from '../../corefile/errors.ts';
import type { CounterFamily } from '../../observe/metrics.ts';
import { PresentationError, parseRecord } from '../../wire/presentation.ts';
import type { ResourceRecord } from '../../wire/record.ts';
import type { Query } from '../contract.ts';
import { FUNCTIONS, type Rule, type SectionName } from './config.ts';
import type { TemplateData } from './data.ts';
import { evaluate } from './gotemplate/evaluate.ts';
import type { Template } from './gotemplate/nodes.ts';
import { printNodes } from './gotemplate/print.ts';
import { TemplateExecutionError } from './gotemplate/template-error.ts';
import type { TemplateMetrics } from './metrics.ts';

const MAX_SHOWN_CHARACTERS = 200;
/** As in CoreDNS. */
const FIRST_OF_SEVERAL = { firstOnly: true };

export type Sections = { readonly [Name in SectionName]: readonly ResourceRecord[] };

/** The records that the templates of a rule make; an error, counted, if one of them makes none. */
export function recordsOf(query: Query, rule: Rule, data: TemplateData, metrics: TemplateMetrics): Sections | Error {
  const sections = {
    answer: [] as ResourceRecord[],
    additional: [] as ResourceRecord[],
    authority: [] as ResourceRecord[],
  };
  for (const section of ['answer', 'additional', 'authority'] as const) {
    for (const template of rule[section]) {
      const countIn = (failures: CounterFamily) => {
        const { Zone, Class, Type } = data.fields;
        failures.labels(query.server, Zone, '', Class, Type, section, printNodes(template.body)).inc();
      };
      const record = recordOf(template, data);
      if (record instanceof Error) {
        countIn(record instanceof TemplateExecutionError ? metrics.templateFailures : metrics.recordFailures);
        return record;
      }
      if (record !== undefined) sections[section].push(record);
    }
  }
  return sections;
}

/** Undefined if the template prints nothing, because of an `if` around it all. */
function recordOf(template: Template, data: TemplateData): ResourceRecord | Error | undefined {
  let text = '';
  try {
    text = evaluate(template, FUNCTIONS, data);
    return text.trim() === '' ? undefined : parseRecord(text, FIRST_OF_SEVERAL);
  } catch (error) {
    if (error instanceof TemplateExecutionError) return error;
    if (!(error instanceof PresentationError)) throw error;
    return new Error(
      `template: ${template.name}: not a record: ${messageOf(error)}: ${text.slice(0, MAX_SHOWN_CHARACTERS)}`,
    );
  }
}
