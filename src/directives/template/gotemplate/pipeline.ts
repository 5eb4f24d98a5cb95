/** Pipelines of a template: `$x := .Group.a | printf "%s." | len`. */
import { parseCharacter, parseNumber, parseString } from './constants.ts';
import type { Token, TokenKind } from './lexer.ts';
import type { ChainNode, CommandNode, Operand, PipeNode } from './nodes.ts';
import type { ParseState } from './parse-state.ts';
import { printOperand } from './print.ts';

const OPERANDS: ReadonlySet<TokenKind> = new Set([
  'bool',
  'char',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
]);
const NOT_EXECUTABLE = new Set(['bool', 'dot', 'nil', 'number', 'string']);

/** Up to and with `end`. `context` names the place in errors. */
export function parsePipeline(state: ParseState, context: string, end: 'close' | 'rightParen'): PipeNode {
  const { offset } = state.peekNonSpace();
  const { variables, isAssignment } = parseDeclarations(state, context);
  const commands: CommandNode[] = [];
  for (;;) {
    const token = state.peekNonSpace();
    if (token.kind === end) break;
    if (!OPERANDS.has(token.kind)) throw state.unexpected(token, context);
    commands.push(parseCommand(state));
  }
  state.next();
  if (commands.length === 0) throw state.error(`missing value for ${context}`);
  const notExecutable = commands.findIndex(({ args }, stage) => stage > 0 && NOT_EXECUTABLE.has(args[0].kind));
  if (notExecutable > 0) throw state.error(`non executable command in pipeline stage ${notExecutable + 1}`);
  return { kind: 'pipe', variables, isAssignment, commands, offset };
}

/** `$x :=`, `$x =`, and of `range` also `$i, $x :=`. */
function parseDeclarations(state: ParseState, context: string) {
  const variables: string[] = [];
  for (;;) {
    const start = state.position;
    const variable = state.peekNonSpace();
    if (variable.kind !== 'variable') return { variables, isAssignment: false };
    state.next();
    const next = state.peekNonSpace();
    const isComma = next.kind === 'other' && next.text === ',';
    if (!isComma && next.kind !== 'declare' && next.kind !== 'assign') {
      state.rewind(start);
      return { variables, isAssignment: false };
    }
    state.next();
    variables.push(variable.text);
    state.variables.push(variable.text);
    if (!isComma) return { variables, isAssignment: next.kind === 'assign' };
    if (context !== 'range' || variables.length === 2) throw state.error(`too many declarations in ${context}`);
    if (!['variable', 'close', 'rightParen'].includes(state.peekNonSpace().kind)) {
      throw state.error('range can only initialize variables');
    }
  }
}

/** Operands with spaces between them, up to `|` or the end of the pipeline. */
function parseCommand(state: ParseState): CommandNode {
  const { offset } = state.peekNonSpace();
  const args: Operand[] = [];
  for (;;) {
    const operand = parseOperand(state);
    if (operand !== undefined) args.push(operand);
    const { kind } = state.peek();
    if (kind === 'space') {
      state.next();
    } else if (kind === 'pipe') {
      state.next();
      break;
    } else if (kind === 'close' || kind === 'rightParen') {
      break;
    } else {
      throw state.unexpected(state.next(), 'operand');
    }
  }
  if (args.length === 0) throw state.error('empty command');
  return { kind: 'command', args, offset };
}

/** A term with the fields behind it, undefined if there is no term. */
function parseOperand(state: ParseState): Operand | undefined {
  const operand = parseTerm(state);
  if (operand === undefined || state.peek().kind !== 'field') return operand;
  const { offset } = state.peek();
  const names: string[] = [];
  while (state.peek().kind === 'field') names.push(state.next().text.slice(1));
  if (operand.kind === 'field' || operand.kind === 'variable') {
    return { ...operand, names: [...operand.names, ...names], offset };
  }
  if (NOT_EXECUTABLE.has(operand.kind)) {
    throw state.error(`unexpected . after term "${printOperand(operand)}"`);
  }
  return { kind: 'chain', operand, names, offset } satisfies ChainNode;
}

function parseTerm(state: ParseState): Operand | undefined {
  const token = state.peekNonSpace();
  if (!OPERANDS.has(token.kind)) return undefined;
  state.next();
  const { kind, text, offset } = token;
  switch (kind) {
    case 'dot':
    case 'nil':
      return { kind, offset };
    case 'bool':
      return { kind, value: text === 'true', offset };
    case 'identifier':
      if (!state.functions.has(text)) throw state.error(`function "${text}" not defined`, token);
      return { kind, name: text, offset };
    case 'variable':
      if (!state.variables.includes(text)) throw state.error(`undefined variable "${text}"`, token);
      return { kind, names: [text], offset };
    case 'field':
      return { kind, names: [text.slice(1)], offset };
    case 'leftParen':
      return state.nested(() => parsePipeline(state, 'parenthesized pipeline', 'rightParen'));
    default:
      return parseConstant(state, token);
  }
}

function parseConstant(state: ParseState, token: Token): Operand {
  const { kind, text, offset } = token;
  if (kind === 'number' || kind === 'char') {
    const number = kind === 'number' ? parseNumber(text, offset) : parseCharacter(text, offset);
    if (number !== undefined) return number;
    throw state.error(kind === 'char' ? `malformed character constant: ${text}` : `bad number: "${text}"`, token);
  }
  return { kind: 'string', quoted: text, value: stringOf(state, token), offset };
}

/** The value of a quoted string. */
export function stringOf(state: ParseState, token: Token): string {
  const value = parseString(token.text);
  if (value === undefined) throw state.error(`${token.text} has an escape that Go does not know`, token);
  return value;
}
