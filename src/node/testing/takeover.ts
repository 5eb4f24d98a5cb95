/** A take-over whose host only tests see. */
import { mock, type TestContext } from 'node:test';
import { FakeClock } from '../../directives/testing.ts';
import { Metrics } from '../../observe/metrics.ts';
import { fakeLog } from '../../observe/testing.ts';
import type { Plan } from '../plan.ts';
import type { RulesWant } from '../rules/rules.ts';
import { Takeover } from '../takeover.ts';
import { TakeoverMetrics } from '../takeover-metrics.ts';
import { FakeLinks } from '../testing.ts';

export const A = '169.254.20.10';
export const B = 'fd00::a';
export const at = (...addresses: string[]) => addresses.map((address) => ({ address, port: 53 }));

export function planFor(addresses: readonly string[], more: Partial<Plan> = {}): Plan {
  return {
    interfaceName: 'nodecache',
    setUpLink: true,
    backend: 'nftables',
    leaseS: 9,
    skipTeardown: false,
    syncIntervalS: 60,
    endpoints: at(...addresses),
    healthPorts: [],
    line: undefined,
    ...more,
  };
}

/** A host on which everything is noted in `steps`, and of which the test says what happens. */
export function fakeNode(t: TestContext) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const steps: string[] = [];
  const clock = new FakeClock();
  const { log, lines } = fakeLog();
  const links = new FakeLinks(steps, clock);
  const metrics = new Metrics();
  const node = {
    steps,
    clock,
    lines,
    links,
    metrics,
    silent: new Set<string>(),
    others: new Set<string>(),
    linkChanged: (): void => undefined,
    rulesChanged: (): void => undefined,
    rulesLost: false,
    rulesFail: undefined as Error | undefined,
    removalFails: undefined as Error | undefined,
    wants: [] as RulesWant[],
  };
  const rules = (name: 'nftables' | 'iptables') => ({
    name,
    canLease: name === 'nftables',
    get isWhole() {
      return !node.rulesLost;
    },
    put: async (want: RulesWant) => {
      if (node.rulesFail !== undefined) throw node.rulesFail;
      node.wants.push(want);
      const text = (endpoints: readonly { address: string }[]) => endpoints.map(({ address }) => address).join(' ');
      const left = want.left.length > 0 ? ` left [${text(want.left)}]` : '';
      steps.push(`rules held [${text(want.held)}] taken [${text(want.taken)}]${left}`);
    },
    remove: async () => {
      if (node.removalFails !== undefined) throw node.removalFails;
      steps.push('rules removed');
    },
    watch: (changed: () => void) => {
      node.rulesChanged = changed;
      return () => undefined;
    },
  });
  const takeover = new Takeover({
    links,
    clock,
    log,
    metrics: new TakeoverMetrics(metrics),
    listeners: {
      selfQuery: async (address) => {
        steps.push(`ask ${address}`);
        return !node.silent.has(address);
      },
      mark: (endpoints) => void steps.push(`mark ${endpoints.length}`),
    },
    checkHost: async () => undefined,
    chooseRules: async ({ backend }) => rules(backend === 'iptables' ? 'iptables' : 'nftables'),
    watchLink: (changed) => {
      node.linkChanged = changed;
      return () => undefined;
    },
    othersAt: (endpoints) => endpoints.filter(({ address }) => node.others.has(address)),
  });
  /** Time passes; what is due is done. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    links.expire();
    mock.timers.tick(ms);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const taken = () => steps.splice(0);
  return Object.assign(node, { takeover, pass, taken });
}
