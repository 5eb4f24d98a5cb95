/** Values of pipelines, commands and operands, as Go's text/template evaluates them. */
import type { Budget } from './budget.ts';
import type {
  ChainNode,
  CommandNode,
  FieldNode,
  IdentifierNode,
  Node,
  Operand,
  PipeNode,
  Template,
  VariableNode,
} from './nodes.ts';
import { printNode, printOperand } from './print.ts';
import { TemplateExecutionError } from './template-error.ts';
import { type Callable, CallError, isTrue, type ParameterType, typeOf, type Value } from './values.ts';

type Variable = { readonly name: string; value: Value };
/** What the command before has for the next one of a pipeline, as its last argument. */
type Piped = { readonly value: Value } | undefined;

const NO_ARGUMENTS: readonly Operand[] = [];

/** Where an execution is, and what is known there. */
export class Expressions {
  readonly template: Template;
  readonly budget: Budget;
  variables: Variable[];
  readonly #functions: ReadonlyMap<string, Callable>;
  /** Of the template that runs: itself, or one that it defines. */
  #name: string;
  #at: Node | Operand | CommandNode | undefined;

  constructor(template: Template, name: string, functions: ReadonlyMap<string, Callable>, budget: Budget, data: Value) {
    this.template = template;
    this.budget = budget;
    this.variables = [{ name: '$', value: data }];
    this.#functions = functions;
    this.#name = name;
  }

  /** Says for errors where the execution is. */
  at(node: Node | Operand | CommandNode): void {
    this.#at = node;
  }

  error(message: string): TemplateExecutionError {
    const { name, text } = this.template;
    const node = this.#at;
    if (node === undefined) return new TemplateExecutionError(`template: ${name}: ${message}`);
    const before = text.slice(0, node.offset);
    const line = before.split('\n').length;
    const column = node.offset - (before.lastIndexOf('\n') + 1);
    const where = `template: ${name}:${line}:${column}: executing "${this.#name}" at <${shown(node)}>`;
    return new TemplateExecutionError(`${where}: ${message}`);
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

  setVariable(name: string, value: Value): void {
    this.#variable(name).value = value;
  }

  #variable(name: string): Variable {
    const variable = this.variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) throw this.error(`undefined variable: ${name}`);
    return variable;
  }

  /** Declares its variables for what comes after. */
  pipeline(pipe: PipeNode, dot: Value): Value {
    this.budget.enter();
    this.at(pipe);
    let piped: Piped;
    for (const command of pipe.commands) piped = { value: this.#command(command, dot, piped) };
    const value = piped?.value;
    for (const name of pipe.variables) {
      if (pipe.isAssignment) this.setVariable(name, value);
      else this.variables.push({ name, value });
    }
    this.budget.leave();
    return value;
  }

  #command(command: CommandNode, dot: Value, piped: Piped): Value {
    this.budget.step();
    const { args } = command;
    const [first] = args;
    switch (first.kind) {
      case 'field':
        return this.#field(first, dot, args, piped);
      case 'chain':
        return this.#chain(first, dot, args, piped);
      case 'variable':
        return this.#variableFields(first, dot, args, piped);
      case 'identifier':
        return this.#function(first, command, dot, args, piped);
      case 'pipe':
        this.#refuseArguments(args, piped);
        return this.pipeline(first, dot);
      case 'nil':
        this.at(first);
        throw this.error('nil is not a command');
      default:
        this.at(first);
        this.#refuseArguments(args, piped);
        return this.#constant(first, dot);
    }
  }

  #refuseArguments(args: readonly Operand[], piped: Piped): void {
    if (args.length <= 1 && piped === undefined) return;
    throw this.error(`can't give argument to non-function ${printOperand(args[0])}`);
  }

  #constant(operand: Operand, dot: Value): Value {
    if (operand.kind === 'dot') return dot;
    if (operand.kind === 'bool' || operand.kind === 'string') return operand.value;
    if (operand.kind !== 'number') throw this.error(`can't evaluate command ${printOperand(operand)}`);
    if (operand.value === undefined) throw this.error(`${operand.text} overflows int`);
    return operand.value;
  }

  #field(node: FieldNode, dot: Value, args: readonly Operand[], piped: Piped): Value {
    this.at(node);
    return this.#follow(node, node.names, dot, dot, args, piped);
  }

  #variableFields(node: VariableNode, dot: Value, args: readonly Operand[], piped: Piped): Value {
    this.at(node);
    const [name, ...names] = node.names;
    const { value } = this.#variable(name);
    if (names.length > 0) return this.#follow(node, names, value, dot, args, piped);
    this.#refuseArguments(args, piped);
    return value;
  }

  #chain(node: ChainNode, dot: Value, args: readonly Operand[], piped: Piped): Value {
    this.at(node);
    const receiver = this.#argument(node.operand, 'any', dot);
    return this.#follow(node, node.names, receiver, dot, args, piped);
  }

  /** The field of the field … of `receiver`; the arguments are for the last one. */
  #follow(
    node: FieldNode | VariableNode | ChainNode,
    names: readonly string[],
    receiver: Value,
    dot: Value,
    args: readonly Operand[],
    piped: Piped,
  ): Value {
    let value = receiver;
    for (const [i, name] of names.entries()) {
      const isLast = i === names.length - 1;
      value = this.#member(node, name, value, dot, isLast ? args : NO_ARGUMENTS, isLast ? piped : undefined);
    }
    return value;
  }

  #member(node: Operand, name: string, receiver: Value, dot: Value, args: readonly Operand[], piped: Piped): Value {
    this.budget.step();
    // Of a map that had no such entry.
    if (receiver === undefined) return undefined;
    const hasArguments = args.length > 1 || piped !== undefined;
    if (typeof receiver === 'object' && receiver.kind === 'struct') {
      const { fields, methods = {} } = receiver;
      if (Object.hasOwn(methods, name)) return this.#call(methods[name], name, node, dot, args.slice(1), piped);
      if (Object.hasOwn(fields, name)) {
        if (hasArguments) throw this.error(`${name} has arguments but cannot be invoked as function`);
        return fields[name];
      }
    }
    if (typeof receiver === 'object' && receiver.kind === 'map') {
      if (hasArguments) throw this.error(`${name} is not a method but has arguments`);
      return receiver.entries.get(name);
    }
    throw this.error(`can't evaluate field ${name} in type ${typeOf(receiver)}`);
  }

  #function(
    node: IdentifierNode,
    command: CommandNode | Operand,
    dot: Value,
    args: readonly Operand[],
    piped: Piped,
  ): Value {
    this.at(node);
    const { name } = node;
    const callable = this.#functions.get(name);
    if (callable === undefined) throw this.error(`"${name}" is not a defined function`);
    return this.#call(callable, name, command, dot, args.slice(1), piped);
  }

  #call(
    callable: Callable,
    name: string,
    node: CommandNode | Operand,
    dot: Value,
    args: readonly Operand[],
    piped: Piped,
  ): Value {
    const { parameters, variadic = false } = callable;
    const count = args.length + (piped === undefined ? 0 : 1);
    const least = parameters.length - 1;
    if (variadic && count < least) {
      throw this.error(`wrong number of args for ${name}: want at least ${least} got ${args.length}`);
    }
    if (!variadic && count !== parameters.length) {
      throw this.error(`wrong number of args for ${name}: want ${parameters.length} got ${count}`);
    }
    if (name === 'and' || name === 'or') return this.#andOr(name, args, dot, piped);
    const typeAt = (i: number) => parameters[Math.min(i, parameters.length - 1)];
    const values = args.map((arg, i) => this.#argument(arg, typeAt(i), dot));
    if (piped !== undefined) values.push(this.#checked(piped.value, typeAt(args.length)));
    try {
      return callable.call(values, this.budget);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.at(node);
      throw this.error(`error calling ${name}: ${error.message}`);
    }
  }

  /** Arguments behind the one that decides are not looked at. */
  #andOr(name: 'and' | 'or', args: readonly Operand[], dot: Value, piped: Piped): Value {
    let value: Value;
    for (const arg of args) {
      value = this.#argument(arg, 'any', dot);
      if (isTrue(value) === (name === 'or')) return value;
    }
    return piped === undefined ? value : piped.value;
  }

  #argument(node: Operand, type: ParameterType, dot: Value): Value {
    this.budget.step();
    this.at(node);
    switch (node.kind) {
      case 'nil':
        if (type === 'any') return undefined;
        throw this.error(`cannot assign nil to ${type}`);
      case 'dot':
        return this.#checked(dot, type);
      case 'field':
        return this.#checked(this.#field(node, dot, NO_ARGUMENTS, undefined), type);
      case 'variable':
        return this.#checked(this.#variableFields(node, dot, NO_ARGUMENTS, undefined), type);
      case 'pipe':
        return this.#checked(this.pipeline(node, dot), type);
      case 'identifier':
        return this.#checked(this.#function(node, node, dot, NO_ARGUMENTS, undefined), type);
      case 'chain':
        return this.#checked(this.#chain(node, dot, NO_ARGUMENTS, undefined), type);
      default:
        return this.#constantArgument(node, type, dot);
    }
  }

  #constantArgument(node: Operand, type: ParameterType, dot: Value): Value {
    if (type === 'any') return this.#constant(node, dot);
    if (type === 'string' && node.kind === 'string') return node.value;
    if (type === 'int' && node.kind === 'number' && node.integer !== undefined) return node.integer;
    throw this.error(`expected ${type === 'int' ? 'integer' : type}; found ${printOperand(node)}`);
  }

  #checked(value: Value, type: ParameterType): Value {
    if (type === 'any' || typeOf(value) === type) return value;
    if (value === undefined) throw this.error(`invalid value; expected ${type}`);
    throw this.error(`wrong type for value; expected ${type}; got ${typeOf(value)}`);
  }
}

function shown(node: Node | Operand | CommandNode): string {
  switch (node.kind) {
    case 'command':
      return node.args.map((arg) => (arg.kind === 'pipe' ? `(${printOperand(arg)})` : printOperand(arg))).join(' ');
    case 'text':
    case 'action':
    case 'if':
    case 'with':
    case 'range':
    case 'break':
    case 'continue':
    case 'template':
      return printNode(node);
    default:
      return printOperand(node);
  }
}
