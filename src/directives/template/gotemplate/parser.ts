/** Templates as Go's text/template has them, up to Go 1.25. */
import { lex, type Token } from './lexer.ts';
import type { BranchNode, Node, PipeNode, Template } from './nodes.ts';
import { ParseState } from './parse-state.ts';
import { parsePipeline, stringOf } from './pipeline.ts';

/** Ends a list of nodes. */
type Stop = 'end' | 'else';

/**
 * Throws TemplateSyntaxError. `functions` are those that may be called; all that is not known before there is data is an
 * error of the execution, such as a field that does not exist.
 */
export function parseTemplate(name: string, text: string, functions: { has(name: string): boolean }): Template {
  const state = new ParseState(name, text, lex(text), functions);
  const body: Node[] = [];
  while (state.peek().kind !== 'end of text') {
    const node = isDefinition(state) ? parseDefinition(state) : parseNode(state);
    if (node === 'end' || node === 'else') throw state.error(`unexpected {{${node}}}`);
    if (node !== undefined) body.push(node);
  }
  define(state, name, body);
  return { name, text, body, definitions: state.definitions };
}

/** Takes `{{define` if it stands here, which it may only outside of everything else. */
function isDefinition(state: ParseState): boolean {
  const start = state.position;
  if (state.peek().kind === 'open') {
    state.next();
    if (isKeyword(state.nextNonSpace(), 'define')) return true;
  }
  state.rewind(start);
  return false;
}

function parseDefinition(state: ParseState): undefined {
  const name = parseName(state, 'define clause');
  state.expect(['close'], 'define clause');
  define(state, name, parseSeparately(state, 'define clause'));
}

/** The body of another template, with no variables but its own, up to and with its `{{end}}`. */
function parseSeparately(state: ParseState, context: string): readonly Node[] {
  const { variables, rangeDepth } = state;
  state.variables = ['$'];
  state.rangeDepth = 0;
  const { nodes, stop } = parseList(state);
  if (stop !== 'end') throw state.error(`unexpected {{${stop}}} in ${context}`);
  state.variables = variables;
  state.rangeDepth = rangeDepth;
  return nodes;
}

/** Of two templates with the same name one must be blank. */
function define(state: ParseState, name: string, nodes: readonly Node[]): void {
  const known = state.definitions.get(name);
  if (known === undefined || isBlank(known)) state.definitions.set(name, nodes);
  else if (!isBlank(nodes)) throw state.error(`multiple definition of template "${name}"`);
}

function isBlank(nodes: readonly Node[]): boolean {
  return nodes.every((node) => node.kind === 'text' && node.text.trim() === '');
}

/** Up to and with `{{end}}` or `{{else`, of which the rest is left. */
function parseList(state: ParseState): { nodes: readonly Node[]; stop: Stop } {
  return state.nested(() => {
    const nodes: Node[] = [];
    while (state.peekNonSpace().kind !== 'end of text') {
      const node = parseNode(state);
      if (node === 'end' || node === 'else') return { nodes, stop: node };
      nodes.push(node);
    }
    throw state.error('unexpected end of the template: {{end}} is missing', state.peek());
  });
}

function parseNode(state: ParseState): Node | Stop {
  const token = state.nextNonSpace();
  if (token.kind === 'text') return { kind: 'text', text: token.text, offset: token.offset };
  if (token.kind !== 'open') throw state.unexpected(token, 'input');
  return parseAction(state);
}

function parseAction(state: ParseState): Node | Stop {
  const token = state.peekNonSpace();
  if (token.kind !== 'keyword' || token.text === 'define') {
    return { kind: 'action', pipe: parsePipeline(state, 'command', 'close'), offset: token.offset };
  }
  state.next();
  switch (token.text) {
    case 'if':
    case 'with':
    case 'range':
      return parseBranch(state, token.text);
    case 'break':
    case 'continue':
      return parseJump(state, token, token.text);
    case 'template':
      return parseCall(state);
    case 'block':
      return parseBlock(state);
    case 'else':
      return parseElse(state);
    default:
      state.expect(['close'], 'end');
      return 'end';
  }
}

/** Of `{{else if` and `{{else with` the keyword is left. */
function parseElse(state: ParseState): 'else' {
  const next = state.peekNonSpace();
  if (!isKeyword(next, 'if') && !isKeyword(next, 'with')) state.expect(['close'], 'else');
  return 'else';
}

function parseBranch(state: ParseState, kind: 'if' | 'with' | 'range'): BranchNode {
  const known = state.variables.length;
  const pipe = parsePipeline(state, kind, 'close');
  if (kind === 'range') state.rangeDepth++;
  const { nodes, stop } = parseList(state);
  if (kind === 'range') state.rangeDepth--;
  const otherwise = stop === 'end' ? undefined : parseOtherwise(state, kind);
  state.variables.length = known;
  return { kind, pipe, body: nodes, otherwise, offset: pipe.offset };
}

/** What is behind `{{else`: `{{else if a}}…{{end}}` is the same as `{{else}}{{if a}}…{{end}}{{end}}`. */
function parseOtherwise(state: ParseState, kind: 'if' | 'with' | 'range'): readonly Node[] {
  const next = state.peek();
  if (next.kind === 'keyword') {
    if (kind === 'range' || next.text !== kind) throw state.unexpected(next, `{{else}} of {{${kind}}}`);
    state.next();
    return [state.nested(() => parseBranch(state, kind))];
  }
  const { nodes, stop } = parseList(state);
  if (stop !== 'end') throw state.error('expected {{end}}; found {{else}}');
  return nodes;
}

function parseJump(state: ParseState, { offset }: Token, kind: 'break' | 'continue'): Node {
  state.expect(['close'], `{{${kind}}}`);
  if (state.rangeDepth === 0) throw state.error(`{{${kind}}} outside {{range}}`);
  return { kind, offset };
}

/** `{{template "name" PIPELINE}}` */
function parseCall(state: ParseState): Node {
  const { offset } = state.peekNonSpace();
  const name = parseName(state, 'template clause');
  let pipe: PipeNode | undefined;
  if (state.peekNonSpace().kind === 'close') state.next();
  else pipe = parsePipeline(state, 'template clause', 'close');
  return { kind: 'template', name, pipe, offset };
}

/** `{{block "name" PIPELINE}}…{{end}}`: defines a template and calls it. */
function parseBlock(state: ParseState): Node {
  const { offset } = state.peekNonSpace();
  const name = parseName(state, 'block clause');
  const pipe = parsePipeline(state, 'block clause', 'close');
  define(state, name, parseSeparately(state, 'block clause'));
  return { kind: 'template', name, pipe, offset };
}

function parseName(state: ParseState, context: string): string {
  return stringOf(state, state.expect(['string', 'rawString'], context));
}

function isKeyword(token: Token, text: string): boolean {
  return token.kind === 'keyword' && token.text === text;
}
