/** Look-ups as programs in a pod do them: through the resolver of their C library, with the pod's resolv.conf. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../test/netns/host.ts';
import { compileGetaddrinfo, type Libc } from '../../test/peers/getaddrinfo.ts';

export type LookUp = { readonly ms: number; readonly found: boolean };

/** Names of services in three lengths, and names outside, which meet every suffix of the search list first. */
const NAMES = [
  'web',
  'db.default',
  'kube-dns.kube-system.svc',
  'www.example.org',
  'mail.example.org',
  'alias.example.org',
];

/** After it the library asks again: of five seconds, musl has two attempts. */
export const TIMEOUT_MS: Record<Libc, number> = { glibc: 5000, musl: 2500 };

/** So many programs look names up, each with a pause before every look-up, so that they do not wait for the cores. */
const PROGRAMS = 40;
const PAUSE_MS = 150;
const TIMEOUT_S = 80;

export async function lookUp(pod: Host, libc: Libc, count: number): Promise<LookUp[]> {
  const program = await compileGetaddrinfo(libc);
  const names = Array.from({ length: count }, (_, i) => NAMES[i % NAMES.length]);
  const shares = Array.from({ length: Math.min(PROGRAMS, count) }, (_, i) =>
    names.filter((_, j) => j % PROGRAMS === i),
  );
  const run = async (share: readonly string[], index: number) => {
    await sleep((index * PAUSE_MS) / PROGRAMS); // Not all in step.
    return pod.exec([program, '--pace', String(PAUSE_MS), ...share], { timeoutS: TIMEOUT_S });
  };
  const outputs = await Promise.all(shares.map(run));
  return outputs.flatMap((output) => output.trimEnd().split('\n')).map(readLookUp);
}

/** `www.example.org 1234 192.0.2.80 2001:db8::80`, or an error in place of the addresses. */
function readLookUp(line: string): LookUp {
  const [, us, result] = line.split(' ');
  return { ms: Number(us) / 1000, found: /^[\d.]+$|:/.test(result) };
}
