import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody, parseDuration, unknownProperty } from '../../corefile/values.ts';
import { linkNameProblem } from '../../sys/link-name.ts';
import type { Block, Directive, NodeBackend, NodeClaim } from '../contract.ts';

const NAME = 'nodecache';
/** The interface of coredns-nodecache, which no option changed. */
const DEFAULT_INTERFACE = 'nodecache';
const SKIP_TEARDOWN = 'skipteardown';
/** In the documentation of coredns-nodecache, which makes its rules all the same. */
const SKIP_IPTABLES = 'skip_iptables';
const BACKENDS: readonly NodeBackend[] = ['auto', 'nftables', 'iptables', 'none'];
/** The kernel counts lifetimes in seconds; a third of it must leave time for an answer. */
const MIN_LEASE_MS = 3000;
const MAX_LEASE_MS = 3600 * 1000;

type Settings = { -readonly [Field in keyof NodeClaim]: NodeClaim[Field] };

/** Reads a property into the claim. */
const PROPERTIES = new Map<string, (property: Cursor, claim: Settings) => void>([
  ['interface', (property, claim) => (claim.interfaceName = parseName(property))],
  ['backend', (property, claim) => (claim.backend = parseBackend(property))],
  ['lease', (property, claim) => (claim.leaseS = parseLease(property))],
  [SKIP_TEARDOWN, (property, claim) => (claim.skipTeardown = isSaid(property))],
]);

/** Syntax: `nodecache [skipteardown] [skip_iptables] { interface NAME ; backend NAME ; lease DURATION|off ; skipteardown }` */
export function parse(cursor: Cursor): NodeClaim {
  expectArgs(cursor, 0, 2);
  const words = cursor.args.map(({ text }) => text.toLowerCase());
  const unknown = words.findIndex((word) => word !== SKIP_TEARDOWN && word !== SKIP_IPTABLES);
  if (unknown !== -1) {
    const token = cursor.args[unknown];
    throw cursor.error(`expected ${SKIP_TEARDOWN} or nothing, got "${token.text}"`, token);
  }
  const claim: Settings = {
    interfaceName: DEFAULT_INTERFACE,
    backend: 'auto',
    leaseS: undefined,
    skipTeardown: words.includes(SKIP_TEARDOWN),
    line: cursor,
  };
  for (const property of cursor.body) {
    const read = PROPERTIES.get(property.name.text);
    if (read === undefined) throw unknownProperty(property, PROPERTIES.keys());
    expectNoBody(property);
    read(property, claim);
  }
  return claim;
}

function parseName(property: Cursor): string {
  expectArgs(property, 1, 1);
  const [{ text }] = property.args;
  const problem = linkNameProblem(text);
  if (problem !== undefined) throw property.error(`interface ${problem}`);
  return text;
}

function parseBackend(property: Cursor): NodeBackend {
  expectArgs(property, 1, 1);
  const [{ text }] = property.args;
  const backend = BACKENDS.find((name) => name === text);
  if (backend === undefined) throw property.error(`backend must be ${BACKENDS.join(', ')}, got "${text}"`);
  return backend;
}

function parseLease(property: Cursor): number | 'off' {
  expectArgs(property, 1, 1);
  const [token] = property.args;
  if (token.text === 'off') return 'off';
  return Math.round(parseDuration(property, token, { minMs: MIN_LEASE_MS, maxMs: MAX_LEASE_MS }) / 1000);
}

function isSaid(property: Cursor): true {
  expectArgs(property, 0, 0);
  return true;
}

/** What it claims is held by the server's take-over of the node; no query passes here. */
function setup(claim: NodeClaim, block: Block): undefined {
  block.claimNode(claim);
  if (claim.line.args.some(({ text }) => text.toLowerCase() === SKIP_IPTABLES)) {
    block.log.plugin(NAME).warning(`${SKIP_IPTABLES} is without effect, as in coredns-nodecache: see backend none`);
  }
}

export const nodecache: Directive<NodeClaim> = { name: NAME, repeat: 'once', parse, setup };
