import { messageOf } from '../../corefile/errors.ts';
import { blockerText, decide, type HostFacts } from '../rules/choose.ts';
import { type Finding, finding } from './finding.ts';

const CHECK = 'firewall';

/** Which backend the host needs, and what would drop our traffic all the same. */
export function checkFirewall(facts: HostFacts): Finding[] {
  try {
    const { backend, reason } = decide(facts);
    const elsewhere = facts.rules.flatMap(({ blockers }) => blockers).filter(({ isIptables }) => !isIptables);
    return [
      finding(CHECK, 'ok', `backend ${backend}: ${reason}`),
      ...elsewhere.map((blocker) =>
        finding(CHECK, 'warning', blockerText(blocker), 'let UDP and TCP to the node-local addresses through there'),
      ),
    ];
  } catch (error) {
    return [finding(CHECK, 'error', messageOf(error))];
  }
}
