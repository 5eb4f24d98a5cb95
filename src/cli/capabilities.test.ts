import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CapabilitySets, capabilitySet } from '../sys/capabilities.ts';
import { type Change, changeOf } from './capabilities.ts';

const ALL = (1n << 41n) - 1n;
const NEEDED = capabilitySet('CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW');
const TWO = capabilitySet('CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE');
const SETPCAP = capabilitySet('CAP_SETPCAP');

function sets(parts: Partial<CapabilitySets>): CapabilitySets {
  return { inheritable: 0n, permitted: 0n, effective: 0n, bounding: 0n, ambient: 0n, ...parts };
}
/** What a process has that has just been executed by root, with this bounding set. */
const rootWith = (bounding: bigint) => sets({ permitted: bounding, effective: bounding, bounding });
const ambient = (set: bigint) =>
  sets({ inheritable: set, permitted: set, effective: set, ambient: set, bounding: ALL });

const cases: readonly { name: string; sets: CapabilitySets; isRoot?: boolean; want: Change | undefined }[] = [
  {
    name: 'root with everything',
    sets: rootWith(ALL),
    isRoot: true,
    want: { kept: NEEDED, barred: ALL & ~NEEDED, needsExecution: true },
  },
  { name: 'root with what is needed', sets: rootWith(NEEDED), isRoot: true, want: undefined },
  { name: 'root with two of it', sets: rootWith(TWO), isRoot: true, want: undefined },
  { name: 'root with nothing', sets: rootWith(0n), isRoot: true, want: undefined },
  {
    name: 'root after the second execution',
    sets: { ...rootWith(NEEDED), inheritable: NEEDED, ambient: NEEDED },
    isRoot: true,
    want: undefined,
  },
  {
    name: 'root that may not bar any would have them again',
    sets: rootWith(ALL & ~SETPCAP),
    isRoot: true,
    want: { kept: NEEDED, barred: 0n, needsExecution: false },
  },
  { name: 'a user without any', sets: sets({ bounding: ALL }), want: undefined },
  { name: 'a user with the two', sets: ambient(TWO), want: undefined },
  {
    name: 'a user with all of them',
    sets: ambient(ALL),
    want: { kept: NEEDED, barred: ALL & ~NEEDED, needsExecution: true },
  },
  {
    name: 'a user with one too many',
    sets: ambient(TWO | capabilitySet('CAP_SYS_PTRACE')),
    want: { kept: TWO, barred: 0n, needsExecution: true },
  },
  {
    name: 'file capabilities: programs shall have them too',
    sets: sets({ permitted: TWO, effective: TWO, bounding: ALL }),
    want: { kept: TWO, barred: 0n, needsExecution: false },
  },
  {
    name: 'permitted, but not in effect',
    sets: { ...ambient(TWO), effective: 0n },
    want: { kept: TWO, barred: 0n, needsExecution: false },
  },
  {
    name: 'inherited ones alone',
    sets: sets({ inheritable: SETPCAP, bounding: ALL }),
    want: { kept: 0n, barred: 0n, needsExecution: true },
  },
];
for (const { name, sets: given, isRoot = false, want } of cases) {
  test(`capabilities: ${name}`, () => assert.deepEqual(changeOf(given, isRoot), want));
}

test('capabilities: what is left needs no further change', () => {
  for (const { sets: given, isRoot = false, want } of cases) {
    if (want === undefined || !want.needsExecution) continue;
    const { kept, barred } = want;
    const bounding = given.bounding & ~barred;
    const permitted = isRoot ? kept | bounding : kept;
    const left = { inheritable: kept, permitted, effective: permitted, ambient: kept, bounding };
    assert.equal(changeOf(left, isRoot), undefined);
  }
});
