/** Values as text without a format. */
import type { Value, Work } from '../values.ts';
import { PLAIN } from './spec.ts';
import { formatValue } from './values.ts';

/** What `{{ value }}` prints. */
export function printText(value: Value, work: Work): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '<no value>' : shown(value, work);
}

/** Go's `fmt.Sprint`: a space between two that are not strings. */
export function sprint(values: readonly Value[], work: Work): string {
  let text = '';
  for (const [i, value] of values.entries()) {
    if (i > 0 && typeof value !== 'string' && typeof values[i - 1] !== 'string') text += ' ';
    text += shown(value, work);
  }
  return text;
}

/** Go's `fmt.Sprintln`: a space between all, and a line break. */
export function sprintln(values: readonly Value[], work: Work): string {
  return `${values.map((value) => shown(value, work)).join(' ')}\n`;
}

function shown(value: Value, work: Work): string {
  const text = typeof value === 'string' ? value : formatValue('v', value, PLAIN);
  work.spendOn(text.length);
  return text;
}
