/** What an expression of PromQL asks for, read by the grammar of Prometheus' own editor. */
import { parser } from '@prometheus-io/lezer-promql';

export type Selector = {
  readonly metric: string;
  /** Of its matchers: `{job="…"}`. */
  readonly labels: readonly string[];
  /** By which results are told apart, here or further out: `by (node)`. */
  readonly groupedBy: readonly string[];
};

export type Query = {
  readonly selectors: readonly Selector[];
  /** The labels of its results, as far as an aggregation says: undefined where those of the metric stay. */
  readonly resultLabels: readonly string[] | undefined;
};

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** Takes away what aggregations keep of labels. */
const TRANSPARENT = ['PromQL', 'FunctionCall', 'FunctionCallBody', 'ParenExpr', 'StepInvariantExpr'];

/** Throws for what is no PromQL. */
export function readQuery(text: string): Query {
  const tree = parser.parse(text);
  const selectors: Selector[] = [];
  tree.iterate({
    enter(cursor) {
      const { node } = cursor;
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${text}`);
      if (node.name !== 'VectorSelector') return;
      const [identifier] = childrenOf(node).filter(({ name }) => name === 'Identifier');
      if (identifier === undefined) throw new Error(`a selector without a metric: ${text}`);
      selectors.push({
        metric: textOf(identifier, text),
        labels: descendants(node, 'LabelName').map((label) => textOf(label, text)),
        groupedBy: ancestors(node).flatMap((ancestor) => groupingOf(ancestor, text) ?? []),
      });
    },
  });
  return { selectors, resultLabels: resultLabelsOf(tree.topNode, text) };
}

function resultLabelsOf(node: SyntaxNode, text: string): readonly string[] | undefined {
  if (node.name === 'AggregateExpr') return groupingOf(node, text) ?? [];
  if (node.name === 'BinaryExpr' || TRANSPARENT.includes(node.name)) {
    for (const child of childrenOf(node)) {
      const labels = resultLabelsOf(child, text);
      if (labels !== undefined) return labels;
    }
  }
  return undefined;
}

/** The labels of `by (…)`; undefined where the node is no aggregation or has none. */
function groupingOf(node: SyntaxNode, text: string): string[] | undefined {
  if (node.name !== 'AggregateExpr') return undefined;
  const modifier = node.getChild('AggregateModifier');
  return modifier === null ? undefined : descendants(modifier, 'LabelName').map((label) => textOf(label, text));
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

function descendants(node: SyntaxNode, name: string): SyntaxNode[] {
  return childrenOf(node).flatMap((child) => (child.name === name ? [child] : descendants(child, name)));
}

function ancestors(node: SyntaxNode): SyntaxNode[] {
  return node.parent === null ? [] : [node.parent, ...ancestors(node.parent)];
}

function textOf({ from, to }: SyntaxNode, text: string): string {
  return text.slice(from, to);
}
