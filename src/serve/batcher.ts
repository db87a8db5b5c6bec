import {performance} from 'node:perf_hooks';
import {setImmediate} from 'node:timers/promises';
import {checkLimits} from '../ask/each.ts';
import {TeacherError} from '../errors.ts';
import type {AskOptions, Detail, Input, Outcome, Query, Teacher} from '../teacher.ts';

interface GatherOptions {
  /** Told how many queries each batch has. */
  readonly onBatch?: (queries: number) => void;
}

/** One call, of which a part may be asked already. */
interface Call {
  readonly queries: readonly Query[];
  /** Only calls that want the same are asked together. */
  readonly wants: string;
  readonly detail: Detail | undefined;
  readonly signal: AbortSignal | undefined;
  readonly outcomes: Outcome[];
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: unknown) => void;
  /** Queries that were put into batches. */
  taken: number;
  /** Queries that have an outcome. */
  answered: number;
}

/** A part of a call in a batch. */
interface Piece {
  readonly call: Call;
  readonly start: number;
  readonly queries: readonly Query[];
}

/**
 * Asks a model about the queries of several calls together, `maxBatch` at a time and with as many batches under way as
 * its `concurrency` allows. Nothing is waited for on purpose: a call that finds the model idle goes out at once, with
 * whatever else came in the same turn of the event loop, and those that come while it is busy make the next batch. A call
 * of many batches goes to the end of the line after each, and health checks have their turn: a batch is as large as a short
 * pass of the model allows.
 */
export class Batcher {
  readonly #teacher: Teacher;
  readonly #onBatch: (queries: number) => void;
  readonly #line: Call[] = [];
  readonly #passSize = new PassSize();
  #underWay = 0;

  /** @throws InputError where the teacher's limits let nothing through */
  constructor(teacher: Teacher, {onBatch = () => {}}: GatherOptions = {}) {
    checkLimits(teacher);
    this.#teacher = teacher;
    this.#onBatch = onBatch;
  }

  /** Queries that wait for their turn. */
  get waiting(): number {
    return this.#line.reduce((sum, {queries, taken}) => sum + queries.length - taken, 0);
  }

  /** Takes any number of queries; outcomes are in their order. Rejects at once where the signal aborts. */
  ask(queries: readonly Query[], {detail, signal}: AskOptions = {}): Promise<readonly Outcome[]> {
    if (queries.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const wants = JSON.stringify(detail ?? null);
      const call = {queries, wants, detail, signal, outcomes: [], resolve, reject, taken: 0, answered: 0};
      signal?.addEventListener('abort', () => this.#fail(call, signal.reason), {once: true});
      this.#line.push(call);
      this.#start();
    });
  }

  #start(): void {
    if (this.#line.length === 0 || this.#underWay >= (this.#teacher.concurrency ?? 1)) return;
    this.#underWay++;
    void setImmediate()
      .then(() => this.#askBatch(this.#takeBatch()))
      .finally(() => {
        this.#underWay--;
        this.#start();
      });
  }

  #takeBatch(): readonly Piece[] {
    const pieces: Piece[] = [];
    const [first] = this.#line;
    const batch: Query[] = [];
    for (const call of this.#line.filter(({wants}) => wants === first?.wants)) {
      const start = call.taken;
      const room = this.#teacher.maxBatch - batch.length;
      const wanted = call.queries.slice(start, start + room);
      const queries = wanted.slice(0, this.#passSize.countOf(wanted, batch));
      if (queries.length === 0) break;
      batch.push(...queries);
      call.taken += queries.length;
      pieces.push({call, start, queries});
      this.#line.splice(this.#line.indexOf(call), 1);
      if (call.taken < call.queries.length) this.#line.push(call);
    }
    return pieces;
  }

  async #askBatch(pieces: readonly Piece[]): Promise<void> {
    const [first] = pieces;
    // All that waited may have gone away.
    if (first === undefined) return;
    const queries = pieces.flatMap(piece => piece.queries);
    this.#onBatch(queries.length);
    const {detail} = first.call;
    const before = performance.eventLoopUtilization();
    const everyone = whenAllAbort(pieces.map(({call}) => call.signal));
    try {
      const outcomes = await this.#teacher.ask(queries, {...(detail && {detail}), signal: everyone.signal});
      checkWhole(this.#teacher, outcomes, queries.length);
      this.#passSize.took(queries, performance.eventLoopUtilization(before).active);
      let index = 0;
      for (const piece of pieces) {
        settle(piece, outcomes.slice(index, index + piece.queries.length));
        index += piece.queries.length;
      }
    } catch (error) {
      for (const {call} of pieces) this.#fail(call, error);
    } finally {
      everyone.release();
    }
  }

  #fail(call: Call, error: unknown): void {
    const index = this.#line.indexOf(call);
    if (index !== -1) this.#line.splice(index, 1);
    call.reject(error);
  }
}

/** @throws TeacherError if outcomes are missing: whose they are can't be told */
function checkWhole({name}: Teacher, outcomes: readonly Outcome[], queries: number): void {
  if (outcomes.length === queries) return;
  throw new TeacherError(
    name,
    `It gave ${outcomes.length} outcomes for ${queries} queries, so none can be told apart. Mend its adapter.`,
  );
}

function settle({call, start}: Piece, outcomes: readonly Outcome[]): void {
  for (const [index, outcome] of outcomes.entries()) call.outcomes[start + index] = outcome;
  call.answered += outcomes.length;
  if (call.answered === call.queries.length) call.resolve(call.outcomes);
}

/** Aborts when nobody is left who waits for the batch. */
function whenAllAbort(signals: readonly (AbortSignal | undefined)[]) {
  const controller = new AbortController();
  let left = signals.length;
  const onAbort = () => {
    left--;
    if (left === 0) controller.abort();
  };
  for (const signal of signals) {
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, {once: true});
  }
  const release = () => {
    for (const signal of signals) signal?.removeEventListener('abort', onAbort);
  };
  return {signal: controller.signal, release};
}

/** Milliseconds for which one pass of a model may keep everything else from running. */
const PASS = 30;
/** What a query weighs beside its values or characters. */
const EACH = 100;
const [LEAST, FIRST, MOST] = [EACH, 10_000, 2 ** 30];

/**
 * How much a model is asked about in one pass. A model in this process computes without a pause, so that a pass over 256
 * long texts would keep health checks waiting for a second. By how long the passes took, they become larger or smaller.
 */
export class PassSize {
  #limit = FIRST;

  /** How many of these queries fit into one pass beside others; of a pass without others the first always does. */
  countOf(queries: readonly Query[], others: readonly Query[] = []): number {
    let weight = weightOf(others);
    const end = queries.findIndex((query, index) => {
      weight += weightOf([query]);
      return weight > this.#limit && others.length + index > 0;
    });
    return end === -1 ? queries.length : end;
  }

  /** @param blocked - milliseconds in which nothing else could run */
  took(queries: readonly Query[], blocked: number): void {
    const weight = weightOf(queries);
    const fitting = (weight * PASS) / Math.max(blocked, 0.1);
    const isTelling = blocked > PASS || weight > this.#limit / 2;
    if (isTelling) this.#limit = Math.max(LEAST, Math.min(fitting, 2 * this.#limit, MOST));
  }
}

function weightOf(queries: readonly Query[]): number {
  return queries.reduce((sum, {input}) => sum + EACH + lengthOf(input), 0);
}

function lengthOf(input: Input): number {
  return input.kind === 'text' ? input.text.length : input.data.length;
}
