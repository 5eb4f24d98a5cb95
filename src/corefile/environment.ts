import { ConfigError } from './errors.ts';
import type { Token } from './token.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const MAX_ROUNDS = 1000;
const MAX_CHARACTERS = 1_000_000;

/**
 * Replaces every `{%NAME%}`, then every `{$NAME}`; a variable that is not set gives nothing. Values are searched for
 * references as well, but never split into words. A reference to itself, also through others, is an error.
 */
export function substitute<T extends Token>(token: T, env: Environment): T {
  if (!token.text.includes('{%') && !token.text.includes('{$')) return token;
  const text = replaceReferences(token, replaceReferences(token, token.text, '{%', '%}', env), '{$', '}', env);
  return { ...token, text };
}

function replaceReferences(token: Token, original: string, opener: string, closer: string, env: Environment): string {
  let text = original;
  for (let round = 0; ; round++) {
    const start = text.indexOf(opener);
    if (start === -1) return text;
    const end = text.indexOf(closer, start);
    // Neither an unfinished reference nor an empty name is replaced, nor anything behind it.
    if (end <= start + opener.length) return text;
    const name = text.slice(start + opener.length, end);
    const value = variableOf(env, name);
    const pieces = text.split(text.slice(start, end + closer.length));
    const characters = text.length + (pieces.length - 1) * value.length;
    if (round >= MAX_ROUNDS || characters > MAX_CHARACTERS) {
      throw new ConfigError(token, `${opener}${name}${closer}: the value of the environment variable refers to itself`);
    }
    text = pieces.join(value);
  }
}

function variableOf(env: Environment, name: string): string {
  return Object.hasOwn(env, name) ? (env[name] ?? '') : '';
}
