/** Runs a template with data: what its nodes do. Their values come from expressions.ts. */
import { Budget, BudgetError } from './budget.ts';
import { pipeline } from './expressions.ts';
import type { BranchNode, Node, PipeNode, Template, TemplateNode } from './nodes.ts';
import { printText } from './printf/sprint.ts';
import { Scope } from './scope.ts';
import { type Callable, isTrue, sortedEntries, type Value } from './values.ts';

/** A round of a loop and the sorting of an entry cost as much as so much text. */
const CHARACTERS_PER_ROUND = 48;
const CHARACTERS_PER_ENTRY = 16;

/** How a list of nodes ended. */
type End = 'end' | 'break' | 'continue';

/**
 * The text that a template makes of its data. Throws TemplateExecutionError, also when it would take too long or get too
 * long.
 */
export function evaluate(template: Template, functions: ReadonlyMap<string, Callable>, data: Value): string {
  const budget = new Budget();
  const scope = new Scope(template, functions, budget, data);
  try {
    run(scope, template.body, data);
  } catch (error) {
    if (error instanceof BudgetError) throw scope.error(error.message);
    throw error;
  }
  return budget.output;
}

function run(scope: Scope, nodes: readonly Node[], dot: Value): End {
  const { budget } = scope;
  budget.enter();
  for (const node of nodes) {
    const end = runNode(scope, node, dot);
    if (end === 'end') continue;
    budget.leave();
    return end;
  }
  budget.leave();
  return 'end';
}

function runNode(scope: Scope, node: Node, dot: Value): End {
  scope.budget.step();
  scope.at(node);
  switch (node.kind) {
    case 'text':
      scope.budget.write(node.text);
      return 'end';
    case 'action':
      runAction(scope, node.pipe, dot);
      return 'end';
    case 'if':
    case 'with':
      return runCondition(scope, node, dot);
    case 'range':
      return runRange(scope, node, dot);
    case 'template':
      callTemplate(scope, node, dot);
      return 'end';
    default:
      return node.kind;
  }
}

/** What declares a variable prints nothing. */
function runAction(scope: Scope, pipe: PipeNode, dot: Value): void {
  const value = pipeline(scope, pipe, dot);
  if (pipe.variables.length === 0) scope.budget.write(printText(value, scope.budget));
}

function runCondition(scope: Scope, { kind, pipe, body, otherwise }: BranchNode, dot: Value): End {
  const mark = scope.variables.length;
  const value = pipeline(scope, pipe, dot);
  let end: End = 'end';
  if (isTrue(value)) end = run(scope, body, kind === 'with' ? value : dot);
  else if (otherwise !== undefined) end = run(scope, otherwise, dot);
  scope.variables.length = mark;
  return end;
}

function runRange(scope: Scope, node: BranchNode, dot: Value): End {
  const mark = scope.variables.length;
  const value = pipeline(scope, node.pipe, dot);
  const innerMark = scope.variables.length;
  let isEmpty = true;
  let end: End = 'end';
  for (const [key, element] of elementsOf(scope, node, value)) {
    isEmpty = false;
    scope.budget.spendOn(CHARACTERS_PER_ROUND);
    setRangeVariables(scope, node.pipe, key, element);
    end = run(scope, node.body, element);
    scope.variables.length = innerMark;
    if (end === 'break') break;
  }
  end = isEmpty && node.otherwise !== undefined ? run(scope, node.otherwise, dot) : 'end';
  scope.variables.length = mark;
  return end;
}

function setRangeVariables(scope: Scope, pipe: PipeNode, key: Value, element: Value): void {
  const [first, second] = pipe.variables;
  if (pipe.isAssignment) {
    if (first !== undefined) scope.variable(first).value = second === undefined ? element : key;
    if (second !== undefined) scope.variable(second).value = element;
    return;
  }
  // The pipeline has declared them.
  const [last, last2] = [scope.variables.at(-1), scope.variables.at(-2)];
  if (first !== undefined && last !== undefined) last.value = element;
  if (second !== undefined && last2 !== undefined) last2.value = key;
}

/** Keys and elements, one after the other. */
function* elementsOf(scope: Scope, { pipe }: BranchNode, value: Value): Generator<readonly [Value, Value]> {
  if (value === undefined) return;
  if (typeof value === 'bigint') {
    if (pipe.variables.length > 1) throw scope.error(`can't use ${value} to iterate over more than one variable`);
    for (let i = 0n; i < value; i++) yield [undefined, i];
  } else if (typeof value === 'object' && value.kind === 'list') {
    for (const [index, element] of value.items.entries()) yield [BigInt(index), element];
  } else if (typeof value === 'object' && value.kind === 'map') {
    scope.budget.spendOn(value.entries.size * CHARACTERS_PER_ENTRY);
    yield* sortedEntries(value);
  } else {
    throw scope.error(`range can't iterate over ${printText(value, scope.budget)}`);
  }
}

/** The template called sees its data alone. */
function callTemplate(scope: Scope, node: TemplateNode, dot: Value): void {
  const body = scope.template.definitions.get(node.name);
  if (body === undefined) throw scope.error(`template "${node.name}" not defined`);
  const data = node.pipe === undefined ? undefined : pipeline(scope, node.pipe, dot);
  scope.inTemplate(node.name, data, () => run(scope, body, data));
}
