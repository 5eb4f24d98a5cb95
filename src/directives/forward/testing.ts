/** A `forward` at work over real sockets, for tests of what it does. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { Poller } from '../../sys/poller.ts';
import type { Handler, Outcome, Query } from '../contract.ts';
import { FakeBlock, FakeClock, FakeProcess, fakeQuery } from '../testing.ts';
import { createForwarder, type Tuning } from './forward.ts';
import type { Forwarder } from './forwarder.ts';
import { parse } from './options.ts';

class RealClock extends FakeClock {
  override nowMs(): number {
    return performance.now();
  }
}

class RealProcess extends FakeProcess {
  override readonly clock = new RealClock();
}

export type TestForward = {
  readonly forwarder: Forwarder;
  readonly block: FakeBlock;
  readonly handler: Handler;
  /** Asks for `qname`, over UDP if nothing else is said. */
  ask(options?: Parameters<typeof fakeQuery>[0]): Promise<Outcome>;
};

/** What a chain that ends behind `forward` says. */
export const NOT_FORWARDED: Outcome = { response: undefined, rcode: 9, source: 'next' };

/** A process for blocks over real sockets; ends with the test. */
export function realProcess(t: TestContext): FakeProcess {
  const poller = new Poller((error) => assert.fail(String(error)));
  t.after(() => poller.close());
  return new RealProcess({ poller });
}

/** `corefile` is one directive. When the test ends it is stopped, and nothing of it may be left. */
export async function startForward(
  t: TestContext,
  corefile: string,
  options: Tuning & { readonly next?: Handler; readonly process?: FakeProcess } = {},
): Promise<TestForward> {
  const block = new FakeBlock({ process: options.process ?? realProcess(t) });
  const forwarder = createForwarder(parse(cursorOf(corefile)), block, options);
  const handler = forwarder.handler(options.next ?? (() => NOT_FORWARDED));
  await block.start();
  t.after(async () => {
    await block.stop();
    assert.equal(forwarder.activeCount, 0, 'queries left waiting');
    for (const upstream of forwarder.upstreams.upstreams) assert.equal(upstream.openCount, 0, 'sockets left open');
    assert.equal(forwarder.services.wheel.count, 0, 'timers left behind');
  });
  return { forwarder, block, handler, ask: async (query) => handler(fakeQuery(query)) };
}

/** The addresses of an answer, as somebody else's decoder reads them, or what there is instead of one. */
export function resultOf({ response, rcode, error }: Outcome): string[] | string {
  if (response === undefined) return error?.message ?? `rcode ${rcode}`;
  const { answers = [] } = dnsPacket.decode(Buffer.from(response.bytes));
  return answers.map((answer) => ('data' in answer ? String(answer.data) : ''));
}

/** A handler that keeps what came to it. */
export function recorder(outcome: Outcome = NOT_FORWARDED): Handler & { readonly queries: Query[] } {
  const queries: Query[] = [];
  const handler = (query: Query) => {
    queries.push(query);
    return outcome;
  };
  return Object.assign(handler, { queries });
}
