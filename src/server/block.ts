import type { Cursor, Key, ServerBlock } from '../corefile/cursor.ts';
import { ConfigError, messageOf } from '../corefile/errors.ts';
import type { HostPort } from '../corefile/values.ts';
import type {
  Block,
  ChainWatcher,
  Handler,
  HitRules,
  ListenerSettings,
  MaybePromise,
  NodeClaim,
  Outcome,
  ProcessServices,
  UpstreamWatcher,
  Wrap,
} from '../directives/contract.ts';
import { newHitRules } from '../directives/hit-rules.ts';
import type { SetUp } from '../directives/register.ts';
import type { Logger } from '../observe/logger.ts';
import { RCODE_SERVFAIL } from '../wire/header.ts';
import type { ConfiguredDirective } from './configure.ts';

type Step = () => MaybePromise<void>;
type Link = { readonly name: string; readonly wrap: Wrap; readonly allowHits: SetUp['allowHits'] };

/** Where HTTP is served, and the directive that wants it. */
export type HttpEndpoint = { readonly address: HostPort; readonly line: Cursor };

/** A block that answers queries. */
export type RunningBlock = {
  readonly handler: Handler;
  /** Its directives that handle queries; a block without any refuses all. */
  readonly handlers: readonly string[];
  readonly anyClass: boolean;
  /** Counts the queries of the block's configuration that wait. */
  readonly load: { enter(): void; leave(): void };
  readonly zones: readonly string[];
  readonly hits: HitRules;
};

/** A server block at set-up: what its directives asked for, and the chain that they make. */
export class BlockBuilder implements Block {
  readonly keys: readonly Key[];
  readonly zones: readonly string[];
  readonly servers: string[] = [];
  readonly listener: ListenerSettings = { addresses: [], debug: false, stacktrace: false };
  readonly handlers: string[] = [];
  readonly log: Logger;
  readonly process: ProcessServices;
  readonly httpEndpoints: HttpEndpoint[] = [];
  /** Undefined: the block's addresses are not to be held. */
  nodeClaim: NodeClaim | undefined;
  readonly upstreamWatchers: UpstreamWatcher[] = [];
  readonly startSteps: Step[] = [];
  readonly servingSteps: (() => void)[] = [];
  readonly shutdownSteps: Step[] = [];
  readonly stopSteps: Step[] = [];
  readonly hits = newHitRules();
  readonly #links: Link[] = [];
  /** Each looks on from that link on. */
  readonly #chainWatchers: { readonly from: number; readonly watcher: ChainWatcher }[] = [];
  /** Of the directive that is being set up. */
  #line: Cursor | undefined;

  constructor(block: ServerBlock, process: ProcessServices, log: Logger) {
    this.keys = block.keys;
    this.zones = block.keys.map((key) => key.zone);
    this.process = process;
    this.log = log;
  }

  /** Sets up all that one directive is to do, and puts its handlers behind those that are there. */
  setUp({ directive, line, setUps }: ConfiguredDirective): void {
    this.#line = line;
    const { name } = directive;
    for (const { run, allowHits } of setUps) {
      const wrap = run(this);
      if (wrap === undefined) continue;
      if (this.handlers.at(-1) !== name) this.handlers.push(name);
      this.#links.push({ name, wrap, allowHits });
    }
  }

  watchUpstreams(watcher: UpstreamWatcher): void {
    this.upstreamWatchers.push(watcher);
  }

  watchChain(watcher: ChainWatcher): void {
    this.#chainWatchers.push({ from: this.#links.length + 1, watcher });
  }

  claimHttp(address: HostPort): void {
    if (this.#line !== undefined) this.httpEndpoints.push({ address, line: this.#line });
  }

  claimNode(claim: NodeClaim): void {
    this.nodeClaim = claim;
  }

  onStart(start: Step): void {
    const line = this.#line;
    this.startSteps.push(async () => {
      try {
        await start();
      } catch (error) {
        throw line === undefined ? error : errorAt(line, error);
      }
    });
  }

  onServing(serving: () => void): void {
    this.servingSteps.push(serving);
  }

  onShutdown(shutdown: Step): void {
    this.shutdownSteps.push(shutdown);
  }

  onStop(stop: Step): void {
    this.stopSteps.push(stop);
  }

  /** The whole chain, from the first directive on. From then on `hits` says what becomes of hits. */
  chain(): Handler {
    return this.#links.reduceRight(
      (next, { name, wrap, allowHits }, i) => {
        // With a cache below it, this directive would see its hits.
        if (this.hits.cache !== undefined && !allowHits(this.hits)) this.hits.chainFor.push(name);
        return this.#watched(i, wrap(next));
      },
      endOfChain(this.handlers.at(-1) ?? ''),
    );
  }

  /** Several links of one directive are watched as one, for they may know each other. */
  #watched(index: number, handler: Handler): Handler {
    const { name } = this.#links[index];
    if (this.#links[index - 1]?.name === name) return handler;
    return this.#chainWatchers.reduce(
      (inner, { from, watcher }) => (index < from ? inner : watcher(name, inner)),
      handler,
    );
  }
}

function endOfChain(lastHandler: string): Handler {
  const outcome: Outcome = {
    response: undefined,
    rcode: RCODE_SERVFAIL,
    source: '',
    error: new Error(`plugin/${lastHandler}: no next plugin found`),
  };
  return () => outcome;
}

/** An error of a directive with its file, line and name. */
function errorAt(line: Cursor, cause: unknown): ConfigError {
  if (cause instanceof ConfigError) return cause;
  const error = line.error(messageOf(cause));
  error.cause = cause;
  return error;
}
