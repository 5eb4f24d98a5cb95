/** nodens before a row of scripted upstreams: for tests of what `forward` makes of them. */
import { type Behaviour, ScriptedUpstream } from '../peers/scripted-upstream.ts';
import { type Nodens, startNodens } from './nodens.ts';

/** The name that the upstreams' behaviours are about. */
export const QNAME = 'www.example.org';
export const GOOD = `${QNAME} 60 A 192.0.2.1`;
export const DEADLINE_MS = 15_000; // SERVFAIL after 5 s at the latest, and the way of the answer on a busy machine.

export type Bench = { readonly nodens: Nodens; readonly upstreams: ScriptedUpstream[]; stop(): Promise<void> };

/** nodens before as many upstreams as behaviours are given, asked in that order unless `options` says otherwise. */
export async function startBench(behaviours: Behaviour[], options = 'policy sequential'): Promise<Bench> {
  const upstreams = await Promise.all(behaviours.map(() => ScriptedUpstream.start()));
  for (const [index, upstream] of upstreams.entries()) upstream.on(QNAME, undefined, behaviours[index]);
  const endpoints = upstreams.map(({ endpoint }) => endpoint).join(' ');
  const nodens = await startNodens({
    corefile: `.:{PORT} {
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:{METRICS}
    forward . ${endpoints} {
        ${options.split('; ').join('\n        ')}
    }
}
`,
  });
  const stop = async () => {
    await nodens.stop();
    await Promise.all(upstreams.map((upstream) => upstream.stop()));
  };
  return { nodens, upstreams, stop };
}

/** Starts a bench for one test and ends it, whatever comes of the test. */
export async function withBench(
  behaviours: Behaviour[],
  options: string | undefined,
  body: (bench: Bench) => Promise<void>,
) {
  const bench = await startBench(behaviours, options);
  try {
    await body(bench);
  } finally {
    await bench.stop();
  }
}
