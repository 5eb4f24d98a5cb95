/** Runs inside a namespace (quick-start.test.ts): nodens as a newcomer starts it, without a Corefile. */
import { join } from 'node:path';
import { answer } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory, spawnChild } from './support/child.ts';
import { askUdp } from './support/client.ts';
import { useResolver } from './support/namespace.ts';
import { eventually } from './support/wait.ts';

export type QuickStartOutcome = {
  readonly answers: readonly string[];
  readonly health: string;
  readonly metrics: boolean;
  readonly output: string;
  readonly exitCode: number | null;
};

const upstream = await ScriptedUpstream.start({ port: 53 });
upstream.on('www.example.org', 'A', answer('www.example.org 60 A 192.0.2.1'));
await useResolver('127.0.0.1');

const cwd = makeTemporaryDirectory('quick-start');
const nodens = spawnChild([join(import.meta.dirname, '../bin/nodens')], { cwd });
const server = { address: '127.0.0.1', port: 1053 };
const { answers } = await eventually('an answer', () =>
  askUdp(server, { qname: 'www.example.org' }, 200).catch(() => undefined),
);
const health = await (await fetch('http://127.0.0.1:8080/health')).text();
const metrics = await (await fetch('http://127.0.0.1:9253/metrics')).text();
const { code: exitCode } = await nodens.stop('SIGINT');

const outcome: QuickStartOutcome = {
  answers,
  health,
  metrics: metrics.includes('coredns_dns_requests_total'),
  output: nodens.stdout(),
  exitCode,
};
console.log(JSON.stringify(outcome));
await upstream.stop();
