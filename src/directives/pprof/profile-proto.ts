import type { HeapProfiler, Profiler, Runtime } from 'node:inspector';
import { ProtobufWriter } from '../../observe/protobuf.ts';

// Fields of pprof's profile.proto, https://github.com/google/pprof/blob/main/proto/profile.proto.
const PROFILE = {
  sampleType: 1,
  sample: 2,
  location: 4,
  function: 5,
  string: 6,
  timeNanos: 9,
  durationNanos: 10,
  periodType: 11,
  period: 12,
};
const VALUE_TYPE = { type: 1, unit: 2 };
const SAMPLE = { locationId: 1, value: 2 };
const LOCATION = { id: 1, line: 4 };
const LINE = { functionId: 1, line: 2 };
const FUNCTION = { id: 1, name: 2, systemName: 3, filename: 4, startLine: 5 };

const NANOS_PER_MICRO = 1000;
const NANOS_PER_MILLI = 1_000_000;
/** The thread waits for something to do. */
const IDLE = '(idle)';

type Unit = readonly [type: string, unit: string];
type When = { readonly startedAtUnixMs: number; readonly durationMs: number };

/** A CPU profile of V8 as pprof's tools read it, not compressed: how often, and how long, each stack was seen at work. */
export function cpuProfile(profile: Profiler.Profile, intervalMicros: number, when: When): Uint8Array {
  const cpu: Unit = ['cpu', 'nanoseconds'];
  const builder = new ProfileBuilder([['samples', 'count'], cpu]);
  const micros = microsByNode(profile);
  const visit = (id: number, callers: readonly number[]) => {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === IDLE) return;
    const stack = builder.stack(node.callFrame, callers);
    const hits = node.hitCount ?? 0;
    if (hits > 0) builder.sample(stack, [hits, (micros.get(id) ?? 0) * NANOS_PER_MICRO]);
    for (const child of node.children ?? []) visit(child, stack);
  };
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  for (const child of profile.nodes[0]?.children ?? []) visit(child, []);
  return builder.finish(when, cpu, intervalMicros * NANOS_PER_MICRO);
}

/** Likewise what has been allocated: bytes by stack, estimated from one object in `intervalBytes`. */
export function allocationProfile(
  profile: HeapProfiler.SamplingHeapProfile,
  intervalBytes: number,
  when: When,
): Uint8Array {
  const space: Unit = ['alloc_space', 'bytes'];
  const builder = new ProfileBuilder([space]);
  const visit = (node: HeapProfiler.SamplingHeapProfileNode, callers: readonly number[]) => {
    const stack = builder.stack(node.callFrame, callers);
    if (node.selfSize > 0) builder.sample(stack, [node.selfSize]);
    for (const child of node.children) visit(child, stack);
  };
  for (const child of profile.head.children) visit(child, []);
  return builder.finish(when, ['space', 'bytes'], intervalBytes);
}

/** A sample lasts until the next one is taken. */
function microsByNode({ samples = [], timeDeltas = [], startTime, endTime }: Profiler.Profile): Map<number, number> {
  const micros = new Map<number, number>();
  let takenAt = startTime;
  for (const [i, id] of samples.entries()) {
    takenAt += timeDeltas[i] ?? 0;
    const lasted = timeDeltas[i + 1] ?? endTime - takenAt;
    micros.set(id, (micros.get(id) ?? 0) + Math.max(0, lasted));
  }
  return micros;
}

/** Gives strings, functions and places their numbers. */
class ProfileBuilder {
  readonly #writer = new ProtobufWriter();
  readonly #part = new ProtobufWriter();
  readonly #line = new ProtobufWriter();
  readonly #strings = new Map([['', 0]]);
  readonly #functions = new Map<string, number>();

  constructor(sampleTypes: readonly Unit[]) {
    for (const unit of sampleTypes) this.#unit(PROFILE.sampleType, unit);
  }

  /** The stack with the frame's place on top: the innermost comes first. */
  stack(frame: Runtime.CallFrame, callers: readonly number[]): number[] {
    return [this.#location(frame), ...callers];
  }

  sample(stack: readonly number[], values: readonly number[]): void {
    const sample = this.#part.clear();
    sample.packed(SAMPLE.locationId, stack);
    sample.packed(SAMPLE.value, values.map(Math.round));
    this.#writer.message(PROFILE.sample, sample);
  }

  finish({ startedAtUnixMs, durationMs }: When, periodUnit: Unit, period: number): Uint8Array {
    const writer = this.#writer;
    writer.uint(PROFILE.timeNanos, BigInt(Math.round(startedAtUnixMs)) * BigInt(NANOS_PER_MILLI));
    writer.uint(PROFILE.durationNanos, Math.round(durationMs * NANOS_PER_MILLI));
    this.#unit(PROFILE.periodType, periodUnit);
    writer.uint(PROFILE.period, period);
    for (const text of this.#strings.keys()) writer.string(PROFILE.string, text);
    return writer.finish();
  }

  /** V8 knows where a function begins, and counts lines from 0; one place stands for the whole function. */
  #location({ functionName, scriptId, url, lineNumber, columnNumber }: Runtime.CallFrame): number {
    const key = `${scriptId}:${lineNumber}:${columnNumber}:${functionName}`;
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const id = this.#functions.size + 1;
    this.#functions.set(key, id);
    const name = this.#string(functionName === '' ? '(anonymous)' : functionName);
    const startLine = Math.max(0, lineNumber + 1);
    const part = this.#part.clear();
    part.uint(FUNCTION.id, id);
    part.uint(FUNCTION.name, name);
    part.uint(FUNCTION.systemName, name);
    part.uint(FUNCTION.filename, this.#string(url));
    part.uint(FUNCTION.startLine, startLine);
    this.#writer.message(PROFILE.function, part);
    const line = this.#line.clear();
    line.uint(LINE.functionId, id);
    line.uint(LINE.line, startLine);
    part.clear();
    part.uint(LOCATION.id, id);
    part.message(LOCATION.line, line);
    this.#writer.message(PROFILE.location, part);
    return id;
  }

  #string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    const index = this.#strings.size;
    this.#strings.set(text, index);
    return index;
  }

  #unit(field: number, [type, unit]: Unit): void {
    const part = this.#part.clear();
    part.uint(VALUE_TYPE.type, this.#string(type));
    part.uint(VALUE_TYPE.unit, this.#string(unit));
    this.#writer.message(field, part);
  }
}
