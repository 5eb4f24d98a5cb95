import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  capabilityNames,
  capabilityNumbers,
  capabilitySet,
  lacksCapability,
  missingCapability,
  parseCapabilities,
  readCapabilities,
} from './capabilities.ts';

const HEADER = '/usr/include/linux/capability.h';

test('capabilities: bits and names, by number', () => {
  const set = capabilitySet('CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE');
  assert.equal(set, 0x1400n);
  assert.deepEqual(capabilityNames(set), ['CAP_NET_BIND_SERVICE', 'CAP_NET_ADMIN']);
  assert.deepEqual(capabilityNames(capabilitySet('CAP_CHECKPOINT_RESTORE')), ['CAP_CHECKPOINT_RESTORE']);
  assert.deepEqual(capabilityNames((1n << 41n) | 1n), ['CAP_CHOWN', 'CAP_41']);
  assert.deepEqual(capabilityNumbers(0n), []);
});

test('capabilities: the names are those of the kernel', { skip: withoutHeader() }, () => {
  const defined = [...readFileSync(HEADER, 'latin1').matchAll(/^#define (CAP_[A-Z_]+)\s+(\d+)$/gm)];
  assert.ok(defined.length > 40);
  for (const [, name, number] of defined) assert.deepEqual(capabilityNames(1n << BigInt(number)), [name]);
});

function withoutHeader(): string | false {
  try {
    readFileSync(HEADER);
    return false;
  } catch {
    return `no ${HEADER} here`;
  }
}

const status = [
  'Name:\tnode',
  'CapInh:\t0000000000000400',
  'CapPrm:\t000001fffeffffff',
  'CapEff:\t0000000000001400',
  'CapBnd:\t000001ffffffffff',
  'CapAmb:\t0000000000000000',
  '',
].join('\n');

test('capabilities: read from the status of a process', () => {
  assert.deepEqual(parseCapabilities(status), {
    inheritable: 0x400n,
    permitted: 0x1fffeffffffn,
    effective: 0x1400n,
    bounding: 0x1ffffffffffn,
    ambient: 0n,
  });
  assert.equal(parseCapabilities('Name:\tnode\n'), undefined);
  assert.equal(parseCapabilities(status.replace(/CapAmb.*/, ''))?.ambient, 0n, 'before Linux 4.3');
});

test('capabilities: those of this process', () => {
  const sets = readCapabilities();
  assert.ok(sets !== undefined);
  assert.equal(sets.effective & ~sets.permitted, 0n);
  assert.equal(lacksCapability('CAP_CHOWN'), (sets.effective & 1n) === 0n);
});

test('capabilities: one that is missing is one line: which, what for, what to do', () => {
  assert.equal(
    missingCapability('CAP_NET_ADMIN', 'hold addresses on this host'),
    'missing capability CAP_NET_ADMIN, needed to hold addresses on this host: run as root with it (in a container: ' +
      'capabilities.add NET_ADMIN), or give it to the user (ambient) or to node (setcap cap_net_admin=ep)',
  );
});
