import type { ErrorType } from './takeover-metrics.ts';

/** The host cannot be made as planned. The message is one line that says what to do. */
export class SetupError extends Error {
  override readonly name: string = 'SetupError';
  /** The label under which it is counted. */
  readonly kind: ErrorType;

  constructor(kind: ErrorType, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
