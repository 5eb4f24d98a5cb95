import type { CommandNode, Node, Operand, PipeNode } from './nodes.ts';
import { quote } from './printf/quote.ts';

/** The source of nodes again, without comments and with spaces as they are usual. */
export function printNodes(nodes: readonly Node[]): string {
  return nodes.map(printNode).join('');
}

export function printNode(node: Node): string {
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'action':
      return `{{${printOperand(node.pipe)}}}`;
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`;
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe === undefined ? '' : ` ${printOperand(node.pipe)}`}}}`;
    default: {
      const otherwise = node.otherwise === undefined ? '' : `{{else}}${printNodes(node.otherwise)}`;
      return `{{${node.kind} ${printOperand(node.pipe)}}}${printNodes(node.body)}${otherwise}{{end}}`;
    }
  }
}

export function printOperand(operand: Operand): string {
  switch (operand.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'bool':
      return String(operand.value);
    case 'number':
      return operand.text;
    case 'string':
      return operand.quoted;
    case 'identifier':
      return operand.name;
    case 'field':
      return `.${operand.names.join('.')}`;
    case 'variable':
      return operand.names.join('.');
    case 'chain':
      return `${printArgument(operand.operand)}.${operand.names.join('.')}`;
    case 'pipe':
      return printPipe(operand);
  }
}

function printPipe({ variables, isAssignment, commands }: PipeNode): string {
  const declared = variables.length === 0 ? '' : `${variables.join(', ')} ${isAssignment ? '=' : ':='} `;
  return declared + commands.map(printCommand).join(' | ');
}

export function printCommand({ args }: CommandNode): string {
  return args.map(printArgument).join(' ');
}

function printArgument(operand: Operand): string {
  return operand.kind === 'pipe' ? `(${printPipe(operand)})` : printOperand(operand);
}
