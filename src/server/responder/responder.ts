import { Memory } from '../../cache/layout.ts';
import { DatagramBatch } from '../../sys/datagrams.ts';
import { DirectReplies } from '../../sys/direct-replies.ts';
import { Doorbell } from '../../sys/doorbell.ts';
import { PollSet } from '../../sys/poll-set.ts';
import { CONTROL_WORDS, PING, PLANS_SENT, PLANS_TAKEN, PONG, STOP, UNSENT } from './controls.ts';
import { ANSWERED_DUE, GROUP_SLOTS, HAND_OVER, HitAnswers, type HitListener } from './hit-answers.ts';
import { MAX_REPLY_BYTES } from './hit-reply.ts';
import type { Plan } from './plan.ts';
import { KIND_QUERY, KIND_REFRESH, RingWriter } from './ring.ts';

/** It looks for news at least that often, should nobody ring. */
const WAIT_MS = 1000;
/** Batches that one socket may bring before the others have their turn. */
const MAX_BATCHES = 8;
/** A batch as large as this one is likely to have a next one behind it. */
const LARGE_BATCH = 8;
/** How long the refresh of an entry is not asked for again, and how many entries that is remembered of. */
const REFRESH_PAUSE_MS = 250;
const REFRESH_SLOTS = 1024;

/** What a responder shares with the resolver, and what it begins with. */
export type ResponderTask = {
  /** The memory of the cache, of the control words and of the ring. */
  readonly cache: SharedArrayBuffer;
  readonly controls: SharedArrayBuffer;
  readonly ring: SharedArrayBuffer;
  readonly bellFd: number;
  readonly plan: Plan;
};

/** Hits, answered by a thread of their own; everything else goes to the resolver by the ring. */
export class Responder {
  readonly #controls: Int32Array;
  readonly #ring: RingWriter;
  readonly #bell: Doorbell;
  readonly #nowMs: () => number;
  readonly #nextPlan: () => Plan | undefined;
  readonly #poll = new PollSet();
  readonly #batch = new DatagramBatch();
  readonly #replies = new DirectReplies(this.#batch);
  readonly #hits: HitAnswers;
  readonly #refreshes = new Refreshes();
  #listeners: readonly HitListener[] = [];

  /** `nowMs` is the clock of the cache's writer; `nextPlan` gives the plans that have been sent, one after the other. */
  constructor(task: ResponderTask, nowMs: () => number, nextPlan: () => Plan | undefined) {
    this.#controls = new Int32Array(task.controls, 0, CONTROL_WORDS);
    this.#ring = new RingWriter(this.#controls, task.ring);
    this.#bell = new Doorbell(task.bellFd);
    this.#nowMs = nowMs;
    this.#nextPlan = nextPlan;
    this.#hits = new HitAnswers(new Memory(task.cache), this.#batch, this.#replies);
    this.#take(task.plan);
  }

  /** Serves until it is told to stop. */
  run(): void {
    while (Atomics.load(this.#controls, STOP) === 0) {
      if (this.#poll.wait(WAIT_MS) > 0) {
        const listeners = this.#listeners;
        for (let i = 0; i < listeners.length; i++) if (this.#poll.isReady(i)) this.#serve(listeners[i]);
        if (this.#poll.isReady(listeners.length)) this.#bell.answer();
      }
      this.#heed();
    }
  }

  #serve(listener: HitListener): void {
    for (let batches = 0; batches < MAX_BATCHES; batches++) {
      const count = this.#batch.receive(listener.fd);
      if (count <= 0) return;
      this.#answer(listener, count);
      if (count < LARGE_BATCH) return;
    }
  }

  #answer(listener: HitListener, count: number): void {
    const arrivedAtMs = this.#nowMs();
    for (let first = 0; first < count; first += GROUP_SLOTS) {
      const end = Math.min(first + GROUP_SLOTS, count);
      this.#hits.read(first, end);
      for (let slot = first; slot < end; slot++) this.#answerOne(listener, slot, slot - first, arrivedAtMs);
    }
    this.#send(listener.fd);
    this.#hits.settle((this.#nowMs() - arrivedAtMs) / 1000);
    this.#ring.flush();
  }

  #answerOne(listener: HitListener, slot: number, index: number, nowMs: number): void {
    if (!this.#replies.hasRoom(MAX_REPLY_BYTES)) this.#send(listener.fd);
    const verdict = this.#hits.answer(listener, slot, index, nowMs);
    if (verdict === HAND_OVER) {
      this.#ring.push(KIND_QUERY, listener.id, this.#batch, slot, nowMs);
    } else if (verdict === ANSWERED_DUE && this.#refreshes.isNew(this.#hits.entry, nowMs)) {
      this.#ring.push(KIND_REFRESH, listener.id, this.#batch, slot, nowMs);
    }
  }

  #send(fd: number): void {
    if (this.#replies.count === 0) return;
    const unsent = this.#replies.send(fd);
    if (unsent > 0) Atomics.add(this.#controls, UNSENT, unsent);
  }

  /** Looks at what the resolver has to say. */
  #heed(): void {
    const controls = this.#controls;
    const ping = Atomics.load(controls, PING);
    if (ping !== Atomics.load(controls, PONG)) Atomics.store(controls, PONG, ping);
    const sent = Atomics.load(controls, PLANS_SENT);
    if (sent === Atomics.load(controls, PLANS_TAKEN)) return;
    for (let plan = this.#nextPlan(); plan !== undefined; plan = this.#nextPlan()) this.#take(plan);
    Atomics.store(controls, PLANS_TAKEN, sent);
    Atomics.notify(controls, PLANS_TAKEN);
  }

  #take(plan: Plan): void {
    this.#listeners = this.#hits.prepare(plan);
    this.#poll.watch([...this.#listeners.map(({ fd }) => fd), this.#bell.fd]);
  }
}

/** Which refreshes have been asked for a moment ago: at thousands of hits a second, one is enough. */
class Refreshes {
  readonly #entries = new Int32Array(REFRESH_SLOTS);
  readonly #askedAtMs = new Float64Array(REFRESH_SLOTS);

  isNew(entry: number, nowMs: number): boolean {
    const slot = entry & (REFRESH_SLOTS - 1);
    if (this.#entries[slot] === entry && nowMs - this.#askedAtMs[slot] < REFRESH_PAUSE_MS) return false;
    this.#entries[slot] = entry;
    this.#askedAtMs[slot] = nowMs;
    return true;
  }
}
