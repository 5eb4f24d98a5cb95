import { sortedEntries, typeOf, type Value } from '../values.ts';
import { formatFloat } from './floats.ts';
import { formatInteger } from './integers.ts';
import { quote, rawQuote } from './quote.ts';
import { pad, type Spec } from './spec.ts';

/** A value as the verb shows it; `%!d(string=x)` where it cannot. */
export function formatValue(verb: string, value: Value, spec: Spec): string {
  if (verb === 'T') return formatText('s', typeOf(value), spec) ?? '';
  // For errors that hold others, which there are none of.
  if (verb === 'w') return badVerb(verb, value, spec);
  return formatted(verb, value, spec) ?? badVerb(verb, value, spec);
}

function formatted(verb: string, value: Value, spec: Spec): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return verb === 'v' ? pad(spec, '<nil>') : undefined;
    case 'boolean':
      return verb === 'v' || verb === 't' ? pad(spec, String(value)) : undefined;
    case 'bigint':
      return formatInteger(verb, value, true, spec);
    case 'number':
      return formatFloat(verb, value, spec);
    case 'string':
      return formatText(verb, value, spec);
    default:
      return formatObject(verb, value, spec);
  }
}

function formatObject(verb: string, value: Value & object, spec: Spec): string | undefined {
  const { goSyntax } = spec;
  switch (value.kind) {
    case 'unsigned':
      return formatInteger(verb, value.value, false, spec);
    case 'list': {
      const items = value.items.map((item) => formatValue(verb, item, spec));
      return goSyntax ? `${typeOf(value)}{${items.join(', ')}}` : `[${items.join(' ')}]`;
    }
    case 'map': {
      const items = sortedEntries(value).map(
        ([key, item]) => `${formatValue(verb, key, spec)}:${formatValue(verb, item, spec)}`,
      );
      return goSyntax ? `${typeOf(value)}{${items.join(', ')}}` : `map[${items.join(' ')}]`;
    }
    case 'struct':
      return formatText(verb, value.text, spec);
  }
}

function badVerb(verb: string, value: Value, spec: Spec): string {
  if (value === undefined) return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeOf(value)}=${formatValue('v', value, spec)})`;
}

function formatText(verb: string, value: string, spec: Spec): string | undefined {
  switch (verb) {
    case 's':
      return pad(spec, cut(value, spec));
    case 'v':
      return spec.goSyntax ? quoted(value, spec) : pad(spec, cut(value, spec));
    case 'q':
      return quoted(value, spec);
    case 'x':
    case 'X':
      return hex(verb, value, spec);
    default:
      return undefined;
  }
}

/** The precision is how many characters are shown. */
function cut(value: string, { precision }: Spec): string {
  return precision === undefined ? value : [...value].slice(0, precision).join('');
}

function quoted(value: string, spec: Spec): string {
  const text = cut(value, spec);
  return pad(spec, (spec.sharp ? rawQuote(text) : undefined) ?? quote(text, spec.plus));
}

/** The precision is how many bytes are shown. */
function hex(verb: 'x' | 'X', value: string, spec: Spec): string {
  const bytes = Buffer.from(value).subarray(0, spec.precision);
  const prefix = spec.sharp ? '0x' : '';
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  const text = spec.space
    ? pairs.map((pair) => prefix + pair).join(' ')
    : pairs.length > 0
      ? prefix + pairs.join('')
      : '';
  return pad(spec, verb === 'X' ? text.toUpperCase() : text);
}
