import {performance} from 'node:perf_hooks';
import {setImmediate} from 'node:timers/promises';
import {batchEnd, checkLimits} from '../ask/batches.ts';
import {TeacherError} from '../errors.ts';
import {recordJson} from '../input-kinds.ts';
import type {AskOptions, Detail, Input, Outcome, Query, Teacher} from '../teacher.ts';

interface GatherOptions {
  /** Called with the number of inputs in each batch. */
  readonly onBatch?: (queries: number) => void;
}

/** One call. Some of its queries can already be in a batch. */
interface Call {
  readonly queries: readonly Query[];
  /** Only calls that want the same detail share a batch. */
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

/** The queries of one call within one batch. */
interface Piece {
  readonly call: Call;
  readonly start: number;
  readonly queries: readonly Query[];
}

/**
 * Collects the queries of several calls into batches of at most `maxBatch`, with as many batches under way as the
 * model's `concurrency` allows. It adds no delay: if the model is idle, a call goes out at once, with the other calls
 * of the same turn of the event loop. Calls that come while the model is busy form the next batch. A call that needs
 * several batches returns to the end of the line after each of them. A batch is no larger than a short pass of the
 * model allows, so health checks are answered between passes.
 */
export class Batcher {
  readonly #teacher: Teacher;
  readonly #onBatch: (queries: number) => void;
  readonly #line: Call[] = [];
  readonly #passSize = new PassSize();
  #underWay = 0;

  /** @throws InputError if the teacher's limits let nothing through */
  constructor(teacher: Teacher, {onBatch = () => {}}: GatherOptions = {}) {
    checkLimits(teacher);
    this.#teacher = teacher;
    this.#onBatch = onBatch;
  }

  /** Queries that wait for a batch. */
  get waiting(): number {
    return this.#line.reduce((sum, {queries, taken}) => sum + queries.length - taken, 0);
  }

  /** Takes any number of queries and returns their outcomes in order. Rejects at once if the signal aborts. */
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
      const wanted = this.#fitting(batch, call.queries.slice(start));
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

  /** The queries for which a batch has room. All questions about an input take the room of one. */
  #fitting(batch: readonly Query[], queries: readonly Query[]): readonly Query[] {
    if (this.#teacher.questions === undefined) return queries.slice(0, this.#teacher.maxBatch - batch.length);
    return queries.slice(0, batchEnd([...batch, ...queries], 0, this.#teacher) - batch.length);
  }

  async #askBatch(pieces: readonly Piece[]): Promise<void> {
    const [first] = pieces;
    // All waiting calls can have been aborted by now.
    if (first === undefined) return;
    const queries = pieces.flatMap(piece => piece.queries);
    this.#onBatch(new Set(queries.map(({input}) => input)).size);
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

/** @throws TeacherError if the number of outcomes differs, because they can't be matched to the queries then */
function checkWhole({name}: Teacher, outcomes: readonly Outcome[], queries: number): void {
  if (outcomes.length === queries) return;
  throw new TeacherError(
    name,
    `It gave ${outcomes.length} outcomes for ${queries} queries, so they can't be matched. Fix its adapter.`,
  );
}

function settle({call, start}: Piece, outcomes: readonly Outcome[]): void {
  for (const [index, outcome] of outcomes.entries()) call.outcomes[start + index] = outcome;
  call.answered += outcomes.length;
  if (call.answered === call.queries.length) call.resolve(call.outcomes);
}

/** Aborts when every caller of the batch has aborted. */
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

/** The longest that one pass of a model should block the event loop, in milliseconds. */
const PASS = 30;
/** The fixed cost of an input, in addition to one for each of its values or characters. */
const EACH = 100;
const [LEAST, FIRST, MOST] = [EACH, 10_000, 2 ** 30];

/**
 * Decides how many queries fit into one pass. A model in this process computes without a pause, so a pass over 256 long
 * texts would delay health checks for a second. The size of a pass adapts to how long earlier passes took.
 */
export class PassSize {
  #limit = FIRST;

  /** The number of these queries that fit into one pass beside others. An empty pass always takes the first. */
  countOf(queries: readonly Query[], others: readonly Query[] = []): number {
    let weight = weightOf(others);
    const end = queries.findIndex(({input}, index) => {
      // Several questions about an input take one pass over it.
      if (input === queries[index - 1]?.input) return false;
      weight += EACH + lengthOf(input);
      return weight > this.#limit && others.length + index > 0;
    });
    return end === -1 ? queries.length : end;
  }

  /** @param blocked - milliseconds for which the pass blocked the event loop */
  took(queries: readonly Query[], blocked: number): void {
    const weight = weightOf(queries);
    const fitting = (weight * PASS) / Math.max(blocked, 0.1);
    const isTelling = blocked > PASS || weight > this.#limit / 2;
    if (isTelling) this.#limit = Math.max(LEAST, Math.min(fitting, 2 * this.#limit, MOST));
  }
}

/** A guess: decoding takes about as long as reading so many numbers for each byte of the file. */
const PIXELS_PER_BYTE = 10;

function weightOf(queries: readonly Query[]): number {
  return [...new Set(queries.map(({input}) => input))].reduce((sum, input) => sum + EACH + lengthOf(input), 0);
}

function lengthOf(input: Input): number {
  switch (input.kind) {
    case 'text':
      return input.text.length;
    case 'record':
      return recordJson(input.fields).length;
    case 'image':
      return PIXELS_PER_BYTE * input.bytes.length;
    case 'tensor':
      return input.data.length;
  }
}
