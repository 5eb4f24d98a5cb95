export type Level = 'error' | 'warning' | 'info' | 'ok';

/** One line of the report. */
export type Finding = {
  /** What was looked at: `conntrack`. */
  readonly check: string;
  /** `error`: something will not work. */
  readonly level: Level;
  readonly what: string;
  /** What to do; empty where there is nothing to do. */
  readonly advice: string;
};

/** Worst first. */
const LEVELS: readonly Level[] = ['error', 'warning', 'info', 'ok'];

export function finding(check: string, level: Level, what: string, advice = ''): Finding {
  return { check, level, what, advice };
}

/** In the order in which they are to be read; of one level as they were found. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}

export function findingText({ check, level, what, advice }: Finding): string {
  return `${level.toUpperCase().padEnd(8)}${check}: ${what}${advice === '' ? '' : `; ${advice}`}`;
}
