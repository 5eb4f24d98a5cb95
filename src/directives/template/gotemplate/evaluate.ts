/** Runs a template with data: what its nodes do. Their values come from expressions.ts. */
import { Budget, BudgetError } from './budget.ts';
import { Expressions } from './expressions.ts';
import type { BranchNode, Node, PipeNode, Template, TemplateNode } from './nodes.ts';
import { printText } from './printf/sprint.ts';
import { type Callable, isTrue, sortedEntries, type Value } from './values.ts';

/** Sorting costs as much as so much text. */
const CHARACTERS_PER_ENTRY = 16;

/** How a list of nodes ended. */
type End = 'end' | 'break' | 'continue';

/**
 * The text that a template makes of its data. Throws TemplateExecutionError, also when it would take too long or get too
 * long.
 */
export function evaluate(template: Template, functions: ReadonlyMap<string, Callable>, data: Value): string {
  const budget = new Budget();
  const expressions = new Expressions(template, template.name, functions, budget, data);
  try {
    run(expressions, template.body, data);
  } catch (error) {
    if (error instanceof BudgetError) throw expressions.error(error.message);
    throw error;
  }
  return budget.output;
}

function run(context: Expressions, nodes: readonly Node[], dot: Value): End {
  const { budget } = context;
  budget.enter();
  for (const node of nodes) {
    const end = runNode(context, node, dot);
    if (end === 'end') continue;
    budget.leave();
    return end;
  }
  budget.leave();
  return 'end';
}

function runNode(context: Expressions, node: Node, dot: Value): End {
  context.budget.step();
  context.at(node);
  switch (node.kind) {
    case 'text':
      context.budget.write(node.text);
      return 'end';
    case 'action':
      runAction(context, node.pipe, dot);
      return 'end';
    case 'if':
    case 'with':
      return runCondition(context, node, dot);
    case 'range':
      return runRange(context, node, dot);
    case 'template':
      callTemplate(context, node, dot);
      return 'end';
    default:
      return node.kind;
  }
}

/** What declares a variable prints nothing. */
function runAction(context: Expressions, pipe: PipeNode, dot: Value): void {
  const value = context.pipeline(pipe, dot);
  if (pipe.variables.length === 0) context.budget.write(printText(value, context.budget));
}

function runCondition(context: Expressions, { kind, pipe, body, otherwise }: BranchNode, dot: Value): End {
  const mark = context.variables.length;
  const value = context.pipeline(pipe, dot);
  let end: End = 'end';
  if (isTrue(value)) end = run(context, body, kind === 'with' ? value : dot);
  else if (otherwise !== undefined) end = run(context, otherwise, dot);
  context.variables.length = mark;
  return end;
}

function runRange(context: Expressions, node: BranchNode, dot: Value): End {
  const mark = context.variables.length;
  const value = context.pipeline(node.pipe, dot);
  const innerMark = context.variables.length;
  let isEmpty = true;
  let end: End = 'end';
  for (const [key, element] of elementsOf(context, node, value)) {
    isEmpty = false;
    setRangeVariables(context, node.pipe, key, element);
    end = run(context, node.body, element);
    context.variables.length = innerMark;
    if (end === 'break') break;
  }
  end = isEmpty && node.otherwise !== undefined ? run(context, node.otherwise, dot) : 'end';
  context.variables.length = mark;
  return end;
}

function setRangeVariables(context: Expressions, pipe: PipeNode, key: Value, element: Value): void {
  const [first, second] = pipe.variables;
  if (pipe.isAssignment) {
    if (first !== undefined) context.setVariable(first, second === undefined ? element : key);
    if (second !== undefined) context.setVariable(second, element);
    return;
  }
  // The pipeline has declared them.
  const [last, last2] = [context.variables.at(-1), context.variables.at(-2)];
  if (first !== undefined && last !== undefined) last.value = element;
  if (second !== undefined && last2 !== undefined) last2.value = key;
}

/** Keys and elements, one after the other. */
function* elementsOf(context: Expressions, { pipe }: BranchNode, value: Value): Generator<readonly [Value, Value]> {
  if (value === undefined) return;
  if (typeof value === 'bigint') {
    if (pipe.variables.length > 1) throw context.error(`can't use ${value} to iterate over more than one variable`);
    for (let i = 0n; i < value; i++) yield [undefined, i];
  } else if (typeof value === 'object' && value.kind === 'list') {
    for (const [index, element] of value.items.entries()) yield [BigInt(index), element];
  } else if (typeof value === 'object' && value.kind === 'map') {
    context.budget.spendOn(value.entries.size * CHARACTERS_PER_ENTRY);
    yield* sortedEntries(value);
  } else {
    throw context.error(`range can't iterate over ${printText(value, context.budget)}`);
  }
}

/** The template called sees its data alone. */
function callTemplate(context: Expressions, node: TemplateNode, dot: Value): void {
  const body = context.template.definitions.get(node.name);
  if (body === undefined) throw context.error(`template "${node.name}" not defined`);
  const data = node.pipe === undefined ? undefined : context.pipeline(node.pipe, dot);
  context.inTemplate(node.name, data, () => run(context, body, data));
}
