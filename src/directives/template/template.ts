import { isSubdomain } from '../../wire/name.ts';
import type { Directive } from '../contract.ts';
import { parse, type TemplateConfig } from './config.ts';
import { setup } from './handler.ts';

/** Answers queries by Go templates of records. */
export const template: Directive<TemplateConfig> = {
  name: 'template',
  repeat: (configs) => ({ rules: configs.flatMap(({ rules }) => rules) }),
  parse,
  setup,
  concerns: ({ rules }, qname) => rules.some(({ zones }) => zones.some((zone) => isSubdomain(qname, zone))),
};
