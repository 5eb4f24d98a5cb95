import assert from 'node:assert/strict';
import type { Profiler, Runtime } from 'node:inspector';
import { test } from 'node:test';
import { Profile } from 'pprof-format';
import { allocationProfile, cpuProfile } from './profile-proto.ts';

const when = { startedAtUnixMs: 1_700_000_000_123, durationMs: 2000 };

function frame(functionName: string, lineNumber = -1, url = ''): Runtime.CallFrame {
  return { functionName, scriptId: '1', url, lineNumber, columnNumber: 0 };
}

/** What somebody else's decoder makes of the bytes: each sample's functions, innermost first, and its values. */
function read(bytes: Uint8Array) {
  const profile = Profile.decode(bytes);
  const { strings } = profile.stringTable;
  const text = (index: number | bigint) => strings[Number(index)];
  const functions = new Map(profile.function.map((found) => [found.id, found]));
  const names = new Map(
    profile.location.map(({ id, line }) => {
      const found = functions.get(line[0].functionId);
      assert.ok(found);
      return [id, `${text(found.name)} ${text(found.filename)}:${line[0].line}`];
    }),
  );
  return {
    types: profile.sampleType.map(({ type, unit }) => `${text(type)}/${text(unit)}`),
    samples: profile.sample.map(({ locationId, value }) => {
      return { stack: locationId.map((id) => names.get(id)), values: value.map(Number) };
    }),
    timeNanos: BigInt(profile.timeNanos),
    durationNanos: BigInt(profile.durationNanos),
    period: `${profile.period} ${text(profile.periodType?.type ?? 0)}/${text(profile.periodType?.unit ?? 0)}`,
  };
}

test('a CPU profile has stacks with the time that their samples lasted, without idling', () => {
  const profile: Profiler.Profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)'), hitCount: 0, children: [2, 3] },
      { id: 2, callFrame: frame('(idle)'), hitCount: 1 },
      { id: 3, callFrame: frame('receive', 41, 'file:///listener.ts'), hitCount: 1, children: [4] },
      { id: 4, callFrame: frame('', 9, 'file:///cache.ts'), hitCount: 2 },
    ],
    startTime: 1000,
    endTime: 6000,
    samples: [4, 2, 3, 4],
    timeDeltas: [500, 1000, 1500, 700],
  };
  assert.deepEqual(read(cpuProfile(profile, 1000, when)), {
    types: ['samples/count', 'cpu/nanoseconds'],
    samples: [
      { stack: ['receive file:///listener.ts:42'], values: [1, 700_000] },
      { stack: ['(anonymous) file:///cache.ts:10', 'receive file:///listener.ts:42'], values: [2, 2_300_000] },
    ],
    timeNanos: 1_700_000_000_123_000_000n,
    durationNanos: 2_000_000_000n,
    period: '1000000 cpu/nanoseconds',
  });
});

test('a profile of allocations has stacks with their bytes', () => {
  const leaf = { id: 3, callFrame: frame('parse', 0, 'file:///view.ts'), selfSize: 5_000_000_000, children: [] };
  const caller = { id: 2, callFrame: frame('receive', 7), selfSize: 0, children: [leaf] };
  const head = { id: 1, callFrame: frame('(root)'), selfSize: 0, children: [caller] };
  const { types, samples, period } = read(allocationProfile({ head }, 16384, when));
  assert.deepEqual(types, ['alloc_space/bytes']);
  assert.deepEqual(samples, [{ stack: ['parse file:///view.ts:1', 'receive :8'], values: [5_000_000_000] }]);
  assert.equal(period, '16384 space/bytes');
});
