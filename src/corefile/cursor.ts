import { ConfigError } from './errors.ts';
import type { Token } from './token.ts';

export type { Position, Token } from './token.ts';

type CursorFields = {
  readonly directive: Token;
  readonly name: Token;
  readonly args?: readonly Token[];
  readonly body?: readonly Cursor[];
};

/** One line of a server block: a directive, or a property within a directive's braces. */
export class Cursor {
  /** The directive that this line is or belongs to. */
  readonly directive: Token;
  /** The first word: the directive's or the property's name. */
  readonly name: Token;
  /** The words behind it on its line. */
  readonly args: readonly Token[];
  /** The lines within its braces, `[]` when it has none. */
  readonly body: readonly Cursor[];

  constructor({ directive, name, args = [], body = [] }: CursorFields) {
    this.directive = directive;
    this.name = name;
    this.args = args;
    this.body = body;
  }

  /** Whether there is anything within braces; an empty `{ }` is the same as none. */
  get hasBody(): boolean {
    return this.body.length > 0;
  }

  /** Whether this is a line within a directive's braces. */
  get isProperty(): boolean {
    return this.name !== this.directive;
  }

  /** `FILE:LINE: DIRECTIVE: MESSAGE`, with the position of `at`, by default of this line. */
  error(message: string, at: Token = this.name): ConfigError {
    return new ConfigError(at, `${this.directive.text}: ${message}`);
  }
}

export type Transport = 'dns' | 'tls' | 'quic' | 'grpc' | 'https' | 'https3' | 'unix';

/** A zone that a server block serves, and where. A key with a CIDR stands for several, each one a Key. */
export type Key = {
  readonly transport: Transport;
  /** Lower case, with final dot. */
  readonly zone: string;
  /** Written in the key or the default of the transport; 0 lets the kernel choose. */
  readonly port: number;
  readonly token: Token;
};

export type ServerBlock = {
  /** In file order, at least one. */
  readonly keys: readonly Key[];
  /** In file order; a directive may stand several times. */
  readonly directives: readonly Cursor[];
};

export type Corefile = {
  readonly blocks: readonly ServerBlock[];
  /** What is odd but accepted, one line each, as errors look. */
  readonly warnings: readonly string[];
  /** The files that were read: the main one as given, then absolute paths of the imported ones. */
  readonly sources: readonly string[];
};
