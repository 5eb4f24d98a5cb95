import { isSubdomain } from '../../wire/name.ts';
import type { Block, Directive, Handler, Query } from '../contract.ts';
import { AnswerStore, type StoreEvents } from './answer-store.ts';
import { Asking } from './asking.ts';
import { type CacheConfig, parse } from './config.ts';
import { CacheHandler } from './handler.ts';
import { CacheMetrics } from './metrics.ts';
import { ReplyKeeper } from './reply.ts';

/** Answers from memory what was asked before. See README.md. */
export const cache: Directive<CacheConfig> = {
  name: 'cache',
  repeat: 'once',
  parse,
  setup(config, block) {
    const { cacheStore, clock, metrics: processMetrics } = block.process;
    const metrics = new CacheMetrics(processMetrics, config.zones.join(','));
    const answers = new AnswerStore(cacheStore, config, countsOf(metrics, block));
    const unwatch = metrics.watch(block.servers, cacheStore, answers.success, answers.denial);
    block.onStop(() => {
      unwatch();
      answers.close();
    });
    const keeper = new ReplyKeeper(config, clock, answers, metrics);
    return (next: Handler) => {
      const asking = new Asking(next, keeper, block.log.plugin('cache'));
      const parts = { config, clock, metrics, answers, asking, next, blockZones: block.zones };
      const handler = new CacheHandler(parts);
      const { stores } = answers;
      const { keepTtl, prefetch, stale } = config;
      const counters = (server: string) => metrics.of(server);
      const refresh = (query: Query) => handler.refresh(query);
      block.hits.cache = { stores, keepTtl, prefetch, stale, counters, refresh };
      return (query) => handler.handle(query);
    };
  },
  concerns: ({ zones }, qname) => zones.some((zone) => isSubdomain(qname, zone)),
};

/** Room is made for the answers of any block, so these belong to no query: they count for the first listener. */
function countsOf(metrics: CacheMetrics, block: Block): StoreEvents {
  const counters = () => metrics.of(block.servers[0] ?? '');
  return {
    evicted: (isDenial) => (isDenial ? counters().denialEvictions : counters().successEvictions).inc(),
    refused: () => counters().refused.inc(),
  };
}
