/** What a template is parsed to. `offset` is where the node stands in the text, for errors. */

export type Node = TextNode | ActionNode | BranchNode | JumpNode | TemplateNode;

export type TextNode = { readonly kind: 'text'; readonly text: string; readonly offset: number };
export type ActionNode = { readonly kind: 'action'; readonly pipe: PipeNode; readonly offset: number };
export type BranchNode = {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: PipeNode;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[] | undefined;
  readonly offset: number;
};
export type JumpNode = { readonly kind: 'break' | 'continue'; readonly offset: number };
/** The call of another template, with `pipe` as its data. */
export type TemplateNode = {
  readonly kind: 'template';
  readonly name: string;
  readonly pipe: PipeNode | undefined;
  readonly offset: number;
};

/** `$a, $b := COMMAND | COMMAND`; the names of the variables have their dollar sign. */
export type PipeNode = {
  readonly kind: 'pipe';
  readonly variables: readonly string[];
  /** `=` in the place of `:=`. */
  readonly isAssignment: boolean;
  readonly commands: readonly CommandNode[];
  readonly offset: number;
};
/** An operand alone, or a function or method with its arguments. */
export type CommandNode = { readonly kind: 'command'; readonly args: readonly Operand[]; readonly offset: number };

export type Operand =
  | { readonly kind: 'dot' | 'nil'; readonly offset: number }
  | { readonly kind: 'bool'; readonly value: boolean; readonly offset: number }
  | NumberNode
  | { readonly kind: 'string'; readonly quoted: string; readonly value: string; readonly offset: number }
  | FieldNode
  | VariableNode
  | IdentifierNode
  | ChainNode
  | PipeNode;

export type NumberNode = {
  readonly kind: 'number';
  readonly text: string;
  /** Of the type that the syntax says: int or float64; undefined: it does not fit in an int. */
  readonly value: bigint | number | undefined;
  /** As an integer, if it is one. */
  readonly integer: bigint | undefined;
  readonly offset: number;
};
/** `.Group.a` */
export type FieldNode = { readonly kind: 'field'; readonly names: readonly string[]; readonly offset: number };
/** `$x.Group.a`: the first name is that of the variable. */
export type VariableNode = { readonly kind: 'variable'; readonly names: readonly string[]; readonly offset: number };
export type IdentifierNode = { readonly kind: 'identifier'; readonly name: string; readonly offset: number };
/** `(…).Group.a` */
export type ChainNode = {
  readonly kind: 'chain';
  readonly operand: Operand;
  readonly names: readonly string[];
  readonly offset: number;
};

/** A template with all that it defines. */
export type Template = {
  readonly name: string;
  readonly text: string;
  readonly body: readonly Node[];
  /** By name, itself included. */
  readonly definitions: ReadonlyMap<string, readonly Node[]>;
};
