/** The first minute of a newcomer: `bin/nodens` and nothing else. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { QuickStartOutcome } from './quick-start.scenario.ts';
import { namespaceUnavailable, runInNamespace } from './support/namespace.ts';

test('without a Corefile: the embedded default, and the dig line to try', {
  skip: namespaceUnavailable(),
}, async () => {
  const scenario = join(import.meta.dirname, 'quick-start.scenario.ts');
  const outcome = await runInNamespace<QuickStartOutcome>(scenario);
  assert.match(outcome.answers.join(), /^www\.example\.org \d+ A 192\.0\.2\.1$/);
  assert.deepEqual([outcome.health.trim(), outcome.metrics, outcome.exitCode], ['OK', true, 0]);
  assert.match(outcome.output, /dig .*@127\.0\.0\.1 .*-p ?1053|dig .*-p ?1053 .*@127\.0\.0\.1/);
  assert.match(outcome.output, /\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN www\.example\.org\. udp /);
});
