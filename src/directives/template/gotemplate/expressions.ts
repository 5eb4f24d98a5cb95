/** Values of pipelines, commands and operands, as Go's text/template evaluates them. */
import type { ChainNode, CommandNode, FieldNode, IdentifierNode, Operand, PipeNode, VariableNode } from './nodes.ts';
import { printOperand } from './print.ts';
import type { Scope } from './scope.ts';
import { type Callable, CallError, isTrue, type ParameterType, typeOf, type Value } from './values.ts';

/** What a function or method is called with; `dot` is that of the arguments. */
type Arguments = {
  readonly dot: Value;
  readonly operands: readonly Operand[];
  /** What the command before has for this one of a pipeline: its last argument. */
  readonly piped: { readonly value: Value } | undefined;
};

/** Declares the variables of the pipeline for what comes after. */
export function pipeline(scope: Scope, pipe: PipeNode, dot: Value): Value {
  scope.budget.enter();
  scope.at(pipe);
  let piped: Arguments['piped'];
  for (const node of pipe.commands) {
    const operands = node.args.slice(1);
    piped = { value: command(scope, node, { dot, operands, piped }) };
  }
  const value = piped?.value;
  for (const name of pipe.variables) {
    if (pipe.isAssignment) scope.variable(name).value = value;
    else scope.variables.push({ name, value });
  }
  scope.budget.leave();
  return value;
}

function command(scope: Scope, node: CommandNode, args: Arguments): Value {
  scope.budget.step();
  const [first] = node.args;
  switch (first.kind) {
    case 'field':
      return field(scope, first, args);
    case 'chain':
      return chain(scope, first, args);
    case 'variable':
      return variable(scope, first, args);
    case 'identifier':
      return callFunction(scope, first, node, args);
    case 'pipe':
      refuseArguments(scope, first, args);
      return pipeline(scope, first, args.dot);
    default:
      scope.at(first);
      refuseArguments(scope, first, args);
      if (first.kind === 'nil') throw scope.error('nil is not a command');
      return constant(scope, first, args.dot);
  }
}

function hasArguments({ operands, piped }: Arguments): boolean {
  return operands.length > 0 || piped !== undefined;
}

function refuseArguments(scope: Scope, node: Operand, args: Arguments): void {
  if (hasArguments(args)) throw scope.error(`can't give argument to non-function ${printOperand(node)}`);
}

function constant(scope: Scope, operand: Operand, dot: Value): Value {
  if (operand.kind === 'dot') return dot;
  if (operand.kind === 'bool' || operand.kind === 'string') return operand.value;
  if (operand.kind !== 'number') throw scope.error(`can't evaluate command ${printOperand(operand)}`);
  if (operand.value === undefined) throw scope.error(`${operand.text} overflows int`);
  return operand.value;
}

function field(scope: Scope, node: FieldNode, args: Arguments): Value {
  scope.at(node);
  return follow(scope, node, node.names, args.dot, args);
}

function variable(scope: Scope, node: VariableNode, args: Arguments): Value {
  scope.at(node);
  const [name, ...names] = node.names;
  const { value } = scope.variable(name);
  if (names.length > 0) return follow(scope, node, names, value, args);
  refuseArguments(scope, { ...node, names: [name] }, args);
  return value;
}

function chain(scope: Scope, node: ChainNode, args: Arguments): Value {
  scope.at(node);
  const receiver = argument(scope, node.operand, 'any', args.dot);
  return follow(scope, node, node.names, receiver, args);
}

/** The field of the field … of `receiver`; the arguments are for the last one. */
function follow(scope: Scope, node: Operand, names: readonly string[], receiver: Value, args: Arguments): Value {
  let value = receiver;
  for (const [i, name] of names.entries()) {
    value = member(scope, node, name, value, i === names.length - 1 ? args : noArguments(args.dot));
  }
  return value;
}

function noArguments(dot: Value): Arguments {
  return { dot, operands: [], piped: undefined };
}

function member(scope: Scope, node: Operand, name: string, receiver: Value, args: Arguments): Value {
  scope.budget.step();
  // Of a map that had no such entry.
  if (receiver === undefined) return undefined;
  if (typeof receiver === 'object' && receiver.kind === 'struct') {
    const { fields, methods = {} } = receiver;
    if (Object.hasOwn(methods, name)) return call(scope, methods[name], name, node, args);
    if (Object.hasOwn(fields, name)) {
      if (hasArguments(args)) throw scope.error(`${name} has arguments but cannot be invoked as function`);
      return fields[name];
    }
  }
  if (typeof receiver === 'object' && receiver.kind === 'map') {
    if (hasArguments(args)) throw scope.error(`${name} is not a method but has arguments`);
    return receiver.entries.get(name);
  }
  throw scope.error(`can't evaluate field ${name} in type ${typeOf(receiver)}`);
}

/** `node` is what an error of the function is shown with. */
function callFunction(scope: Scope, callee: IdentifierNode, node: CommandNode | Operand, args: Arguments): Value {
  scope.at(callee);
  const { name } = callee;
  const callable = scope.functions.get(name);
  if (callable === undefined) throw scope.error(`"${name}" is not a defined function`);
  if (name !== 'and' && name !== 'or') return call(scope, callable, name, node, args);
  checkCount(scope, callable, name, args);
  return andOr(scope, name, args);
}

function call(scope: Scope, callable: Callable, name: string, node: CommandNode | Operand, args: Arguments): Value {
  checkCount(scope, callable, name, args);
  const { parameters } = callable;
  const { operands, piped, dot } = args;
  const typeAt = (i: number) => parameters[Math.min(i, parameters.length - 1)];
  const values = operands.map((operand, i) => argument(scope, operand, typeAt(i), dot));
  if (piped !== undefined) values.push(checked(scope, piped.value, typeAt(operands.length)));
  try {
    return callable.call(values, scope.budget);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    scope.at(node);
    throw scope.error(`error calling ${name}: ${error.message}`);
  }
}

function checkCount(scope: Scope, { parameters, variadic = false }: Callable, name: string, args: Arguments): void {
  const given = args.operands.length;
  const count = given + (args.piped === undefined ? 0 : 1);
  const wanted = parameters.length;
  if (variadic && count < wanted - 1) {
    throw scope.error(`wrong number of args for ${name}: want at least ${wanted - 1} got ${given}`);
  }
  if (!variadic && count !== wanted) {
    throw scope.error(`wrong number of args for ${name}: want ${wanted} got ${count}`);
  }
}

/** Arguments behind the one that decides are not looked at. */
function andOr(scope: Scope, name: 'and' | 'or', { operands, piped, dot }: Arguments): Value {
  let value: Value;
  for (const operand of operands) {
    value = argument(scope, operand, 'any', dot);
    if (isTrue(value) === (name === 'or')) return value;
  }
  return piped === undefined ? value : piped.value;
}

function argument(scope: Scope, node: Operand, type: ParameterType, dot: Value): Value {
  scope.budget.step();
  scope.at(node);
  switch (node.kind) {
    case 'nil':
      if (type === 'any') return undefined;
      throw scope.error(`cannot assign nil to ${type}`);
    case 'dot':
      return checked(scope, dot, type);
    case 'field':
      return checked(scope, field(scope, node, noArguments(dot)), type);
    case 'variable':
      return checked(scope, variable(scope, node, noArguments(dot)), type);
    case 'pipe':
      return checked(scope, pipeline(scope, node, dot), type);
    case 'identifier':
      return checked(scope, callFunction(scope, node, node, noArguments(dot)), type);
    case 'chain':
      return checked(scope, chain(scope, node, noArguments(dot)), type);
    default:
      return constantArgument(scope, node, type, dot);
  }
}

function constantArgument(scope: Scope, node: Operand, type: ParameterType, dot: Value): Value {
  if (type === 'any') return constant(scope, node, dot);
  if (type === 'string' && node.kind === 'string') return node.value;
  if (type === 'int' && node.kind === 'number' && node.integer !== undefined) return node.integer;
  throw scope.error(`expected ${type === 'int' ? 'integer' : type}; found ${printOperand(node)}`);
}

function checked(scope: Scope, value: Value, type: ParameterType): Value {
  if (type === 'any' || typeOf(value) === type) return value;
  if (value === undefined) throw scope.error(`invalid value; expected ${type}`);
  throw scope.error(`wrong type for value; expected ${type}; got ${typeOf(value)}`);
}
