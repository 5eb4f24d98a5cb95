import { classify, type ResponseClass } from '../../cache/classify.ts';
import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectNoBody, unknownProperty } from '../../corefile/values.ts';
import { isSubdomain, lowerText } from '../../wire/name.ts';
import { after } from '../after.ts';
import type { Block, Directive, Handler, Outcome, Query } from '../contract.ts';
import { COMMON, compileFormat, type Format } from '../format.ts';

const CLASSES = ['all', 'success', 'denial', 'error'] as const;
type LogClass = (typeof CLASSES)[number];

export type Rule = {
  /** Lower case, with final dot. */
  readonly zone: string;
  readonly format: Format;
  readonly classes: ReadonlySet<LogClass>;
};

export type LogConfig = { readonly rules: readonly Rule[] };

/** Syntax: `log [NAME...] [FORMAT] { class all|success|denial|error... }` */
export function parse(cursor: Cursor): LogConfig {
  const names = [...cursor.args];
  const hasFormat = names.length > 1 && names.at(-1)?.text.includes('{') === true;
  const format = compileFormat((hasFormat ? names.pop()?.text : undefined) ?? COMMON);
  const classes = new Set(cursor.body.flatMap(parseClasses));
  if (classes.size === 0) classes.add('all');
  const zones = names.length === 0 ? ['.'] : names.map(zoneOf);
  return { rules: zones.map((zone) => ({ zone, format, classes })) };
}

function parseClasses(property: Cursor): LogClass[] {
  if (property.name.text !== 'class') throw unknownProperty(property, ['class']);
  expectNoBody(property);
  if (property.args.length === 0) throw property.error('class takes at least 1 argument, got 0');
  return property.args.map((token) => parseClass(property, token));
}

function parseClass(property: Cursor, token: Token): LogClass {
  const found = CLASSES.find((name) => name === token.text);
  if (found !== undefined) return found;
  throw property.error(`invalid class: "${token.text}", expected ${CLASSES.join(', ')}`, token);
}

function zoneOf({ text }: Token): string {
  return lowerText(text.endsWith('.') ? text : `${text}.`);
}

/** Prints a line for each query, by the first rule that its name falls under. */
function setup({ rules }: LogConfig, { log, process }: Block) {
  const { clock } = process;
  const print = (query: Query, outcome: Outcome): Outcome => {
    const rule = rules.find(({ zone }) => isSubdomain(query.qname, zone));
    if (rule !== undefined && concerns(rule, outcome, clock.unixSeconds())) {
      log.info(rule.format(query, outcome, clock.nowMs() - query.receivedAtMs));
    }
    return outcome;
  };
  return (next: Handler): Handler =>
    (query) =>
      after(next(query), (outcome) => print(query, outcome));
}

function concerns({ classes }: Rule, { response }: Outcome, nowSeconds: number): boolean {
  if (classes.has('all')) return true;
  return classes.has(response === undefined ? 'error' : logClassOf(classify(response, nowSeconds)));
}

function logClassOf(responseClass: ResponseClass): LogClass {
  switch (responseClass) {
    case 'success':
    case 'delegation':
      return 'success';
    case 'nodata':
    case 'nxdomain':
      return 'denial';
    default:
      return 'error';
  }
}

export const log: Directive<LogConfig> = {
  name: 'log',
  repeat: (configs) => ({ rules: configs.flatMap(({ rules }) => rules) }),
  parse,
  setup,
  allowHits({ rules }, hits) {
    hits.errorsInChain = true;
    return rules.every(({ classes }) => classes.size === 1 && classes.has('error'));
  },
};
