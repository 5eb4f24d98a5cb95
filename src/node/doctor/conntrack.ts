import { type Finding, finding } from './finding.ts';

const CHECK = 'conntrack';
/** Of the table, beyond which new entries soon find no room. */
const NEARLY_FULL = 0.8;
const FULL = 0.95;
const BYPASS = 'DNS of this node makes no entries while nodens holds the addresses';

export type ConntrackFacts = {
  /** /proc/net/stat/nf_conntrack: a line of names, then one of hexadecimal numbers for each core. */
  readonly statistics: string | undefined;
  readonly count: number | undefined;
  readonly max: number | undefined;
};

/** How full the table is, and what it has cost so far. */
export function checkConntrack({ statistics, count, max }: ConntrackFacts): Finding[] {
  if (count === undefined || max === undefined || max === 0) {
    return [finding(CHECK, 'info', 'no table on this host, or not to be read')];
  }
  const share = count / max;
  const filled = `${count} of ${max} entries (${Math.round(share * 100)} %)`;
  const advice = 'raise net.netfilter.nf_conntrack_max, or find out who makes so many (conntrack -L)';
  const level = share >= FULL ? 'error' : share >= NEARLY_FULL ? 'warning' : 'ok';
  const found = [finding(CHECK, level, filled, level === 'ok' ? '' : advice)];
  const sums = sumStatistics(statistics ?? '');
  const seen = (name: string) => sums.get(name) ?? 0;
  if (seen('insert_failed') > 0) {
    const what = `${seen('insert_failed')} packets lost the race for an entry (insert_failed), which costs clients 5 s each`;
    found.push(finding(CHECK, 'warning', what, BYPASS));
  }
  if (seen('drop') + seen('early_drop') > 0) {
    const what = `${seen('drop')} packets dropped and ${seen('early_drop')} entries removed early for want of room`;
    found.push(finding(CHECK, 'warning', what, advice));
  }
  if (seen('clash_resolve') > 0) {
    found.push(finding(CHECK, 'info', `${seen('clash_resolve')} clashes of parallel queries resolved`, BYPASS));
  }
  return found;
}

/** The sums over all cores since the host has started. */
export function sumStatistics(text: string): Map<string, number> {
  const [head = '', ...rows] = text.trim().split('\n');
  const names = head.trim().split(/\s+/);
  const sums = new Map<string, number>();
  for (const row of rows) {
    for (const [i, value] of row.trim().split(/\s+/).entries()) {
      const name = NEW_NAMES.get(names[i]) ?? names[i];
      sums.set(name, (sums.get(name) ?? 0) + Number.parseInt(value, 16));
    }
  }
  return sums;
}

/** What `conntrack -S` calls them. */
const NEW_NAMES = new Map([['clashres', 'clash_resolve']]);
