/** What is wrong with the text of a template; `line` counts from 1. */
export class TemplateSyntaxError extends Error {
  override readonly name = 'TemplateSyntaxError';
  readonly line: number;

  constructor(message: string, text: string, offset: number) {
    super(message);
    this.line = text.slice(0, offset).split('\n').length;
  }
}

/** Why a template could not be executed with its data; the message is Go's, with line and column. */
export class TemplateExecutionError extends Error {
  override readonly name = 'TemplateExecutionError';
}
