/** Links and addresses as a real kernel keeps them, and as `ip` sees them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { namespaceUnavailable, runInNamespace } from '../support/namespace.ts';
import { LEASE_S, type LinksOutcome, NAME, RENEWALS, RENEWED_S, V4, V6 } from './links.scenario.ts';
import type { IpLink } from './readers.ts';

const skip = namespaceUnavailable();
const FOREVER = 2 ** 32 - 1;
const PATIENCE_S = 600; // Far above the longest run.

function addressOn(link: IpLink | undefined, address: string) {
  const found = link?.addr_info.find(({ local }) => local === address);
  assert.ok(found, `${address} is not there: ${JSON.stringify(link)}`);
  return found;
}

/** Some of the lifetime has passed. */
function assertLives(seconds: number | undefined, atMost: number): void {
  assert.ok(seconds !== undefined && seconds <= atMost && seconds > atMost - PATIENCE_S, `${seconds} s of ${atMost}`);
}

describe('links', { skip }, () => {
  let outcome: LinksOutcome;
  before(async () => {
    outcome = await runInNamespace<LinksOutcome>(join(import.meta.dirname, 'links.scenario.ts'));
  });

  test('create: a dummy, or a bridge that asks nobody; one, however often', () => {
    const { created, createdAgain, setUp } = outcome;
    assert.equal(outcome.before, undefined);
    assert.match(created.kind, /^(dummy|bridge)$/);
    assert.deepEqual([created.name, created.up], [NAME, false]);
    assert.deepEqual(createdAgain, created);
    assert.deepEqual(setUp.asked, { ...created, up: true });
    assert.ok(setUp.seen?.flags.includes('UP'));
    assert.ok(setUp.seen?.flags.includes('NOARP'));
    assert.equal(setUp.seen?.linkinfo?.info_kind, created.kind);
    if (created.kind === 'bridge') assert.equal(setUp.seen?.linkinfo?.info_data?.mcast_snooping, 0);
  });

  test('putAddress: both families, with and without a lifetime, usable at once', () => {
    const { asked, seen, owner } = outcome.put;
    const v4 = addressOn(seen, V4);
    assert.equal(v4.prefixlen, 32);
    assertLives(v4.valid_life_time, LEASE_S);
    const v6 = addressOn(seen, V6);
    assert.deepEqual([v6.prefixlen, v6.valid_life_time], [128, FOREVER]);
    assert.deepEqual([v6.nodad, v6.noprefixroute, v6.tentative], [true, true, undefined]);
    assert.equal(owner, NAME);
    assertLives(asked.find(({ address }) => address === V4)?.validS, LEASE_S);
    // The outcome is JSON, where nothing is undefined.
    const held6 = asked.find(({ address }) => address === V6);
    assert.deepEqual(held6, { address: V6, family: 6, prefixLength: 128 });
  });

  test('putAddress: renews what is there, to longer and to shorter', () => {
    assert.equal(addressOn(outcome.renewed, V4).valid_life_time, FOREVER);
    assertLives(addressOn(outcome.renewed, V6).valid_life_time, RENEWED_S);
    assert.equal(outcome.renewed?.addr_info.length, 2);
  });

  test('a lifetime: what is not renewed goes by itself, and that is heard', () => {
    assert.deepEqual(outcome.expired?.addr_info.map(({ local }) => local).sort(), [V4, V6].sort());
    assert.ok(outcome.expiryHeard > 0);
  });

  test('watch: renewals are no news', () => {
    assert.ok(outcome.renewalsHeard < RENEWALS / 2, `${outcome.renewalsHeard} of ${RENEWALS}`);
    assert.deepEqual(outcome.errors, []);
  });

  test('watch: what came too fast is told as lost, and what comes then is heard again', (t) => {
    assert.ok(outcome.flooded.losses > 0);
    t.diagnostic(`a renewal takes ${outcome.flooded.renewalUs.toFixed(1)} µs`);
  });

  test('find: a link that was set down', () => assert.equal(outcome.isUpWhenDown, false));

  test('portCount: ports of this bridge alone', () => assert.deepEqual(outcome.ports, [1, 0]));

  test('removeAddress and delete: twice is fine, and nothing remains', () => {
    assert.equal(outcome.removed.asked, undefined);
    assert.deepEqual(outcome.removed.seen?.addr_info, []);
    assert.deepEqual(outcome.gone, { addresses: [] });
    assert.equal(outcome.deleted, undefined);
  });
});
