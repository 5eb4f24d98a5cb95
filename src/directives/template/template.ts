import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { isSubdomain } from '../../wire/name.ts';
import type { Directive } from '../contract.ts';
import type { TemplateConfig } from './config.ts';

const require = createRequire(import.meta.url);

/** A part of this directive, loaded when a Corefile has it: all together they take 1 MB. */
const load = (name: string) => require(`./${name}${extname(import.meta.filename)}`);
const config = (): typeof import('./config.ts') => load('config');
const handler = (): typeof import('./handler.ts') => load('handler');

/** Answers queries by Go templates of records. */
export const template: Directive<TemplateConfig> = {
  name: 'template',
  repeat: (configs) => {
    return { rules: configs.flatMap(({ rules }) => rules) };
  },
  parse: (cursor, keys) => config().parse(cursor, keys),
  setup: (configured, block) => handler().setup(configured, block),
  concerns: ({ rules }, qname) => rules.some(({ zones }) => zones.some((zone) => isSubdomain(qname, zone))),
};
