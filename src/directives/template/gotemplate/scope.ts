import type { Budget } from './budget.ts';
import type { CommandNode, Node, Operand, Template } from './nodes.ts';
import { printCommand, printNode, printOperand } from './print.ts';
import { TemplateExecutionError } from './template-error.ts';
import type { Callable, Value } from './values.ts';

type Variable = { readonly name: string; value: Value };
type Place = Node | Operand | CommandNode;

/** Where an execution is, and what is known there. */
export class Scope {
  readonly template: Template;
  readonly functions: ReadonlyMap<string, Callable>;
  readonly budget: Budget;
  /** Those declared last at the end. */
  variables: Variable[];
  /** Of the template that runs: itself, or one that it defines. */
  #name: string;
  #at: Place | undefined;

  constructor(template: Template, functions: ReadonlyMap<string, Callable>, budget: Budget, data: Value) {
    this.template = template;
    this.functions = functions;
    this.budget = budget;
    this.variables = [{ name: '$', value: data }];
    this.#name = template.name;
  }

  /** Says for errors where the execution is. */
  at(place: Place): void {
    this.#at = place;
  }

  error(message: string): TemplateExecutionError {
    const { name, text } = this.template;
    const place = this.#at;
    if (place === undefined) return new TemplateExecutionError(`template: ${name}: ${message}`);
    const before = text.slice(0, place.offset);
    const line = before.split('\n').length;
    const column = place.offset - (before.lastIndexOf('\n') + 1);
    const where = `template: ${name}:${line}:${column}: executing "${this.#name}" at <${shown(place)}>`;
    return new TemplateExecutionError(`${where}: ${message}`);
  }

  /** The one declared last of those with that name. */
  variable(name: string): Variable {
    const variable = this.variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) throw this.error(`undefined variable: ${name}`);
    return variable;
  }

  /** Runs `body` as another template, with no variable but `$`. */
  inTemplate(name: string, data: Value, body: () => void): void {
    const { variables } = this;
    const caller = this.#name;
    this.variables = [{ name: '$', value: data }];
    this.#name = name;
    body();
    this.variables = variables;
    this.#name = caller;
  }
}

function shown(place: Place): string {
  switch (place.kind) {
    case 'command':
      return printCommand(place);
    case 'text':
    case 'action':
    case 'if':
    case 'with':
    case 'range':
    case 'break':
    case 'continue':
    case 'template':
      return printNode(place);
    default:
      return printOperand(place);
  }
}
