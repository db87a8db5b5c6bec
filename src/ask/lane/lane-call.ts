import type {LimitFunction} from 'p-limit';
import {PendingError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import {type BatchRecord, linesOf} from '../../store/journal/unfinished.ts';
import type {Access, Outcome, Query} from '../../teacher.ts';
import {type Halt, haltAfter} from '../batches.ts';
import type {LayeredTeacher, LayerOptions} from '../layer.ts';
import {timer} from '../retry.ts';
import {type BatchFates, cancelBatch, collectBatch, UnaskedError, waitForEnd} from './collect-batch.ts';
import type {LaneWork} from './lane.ts';
import {indicesOf, isForWantOfRoom, type LaneLine, LaneQueries, loadOf, splitIntoBatches} from './lane-queries.ts';
import type {BatchLoad, Entry, Turn} from './room.ts';
import {sendAhead} from './send-ahead.ts';
import {type Funds, findLost, reserveFor, type Submission, submitBatch, withoutId} from './submit.ts';

export interface LaneCallOptions extends LaneWork {
  readonly fates: BatchFates;
  /** Submits one batch after another, over all calls: each can fill much memory until the service has it. */
  readonly inTurn: LimitFunction;
  /** True to leave unfinished batches to a later run instead of waiting for them. */
  readonly detached: boolean;
  /** True to cancel batches under way and submit nothing. */
  readonly cancel: boolean;
}

/** A submitted batch, and its reservations. */
interface Sent {
  readonly record: Submission;
  readonly funds: Funds;
}

/** What became of a batch that was to be submitted. */
type Fate =
  | 'ended'
  | 'under way'
  | 'not sent'
  /** The service had no room for it, and so for these queries. */
  | {readonly refusal: Error; readonly indices: readonly number[]};

/** All queries of one call, different ones, on their way through the lane. */
export class LaneCall<A extends Access> {
  readonly #kept: LayeredTeacher<A>;
  readonly #lane: LaneCallOptions;
  readonly #queries: LaneQueries<A>;
  readonly #options: LayerOptions;
  readonly #halt: Halt;
  #hasAnswers = false;
  #isWhole = true;

  constructor(
    kept: LayeredTeacher<A>,
    lane: LaneCallOptions,
    queries: readonly Query[],
    {stop, onSettled, ...options}: LayerOptions,
  ) {
    this.#kept = kept;
    this.#lane = lane;
    this.#queries = new LaneQueries(kept, queries, onSettled);
    this.#halt = haltAfter(stop, options.signal);
    this.#options = options;
  }

  async run(): Promise<readonly Outcome<A>[]> {
    const records = this.#lane.journal.batches.holding(this.#queries.keys);
    const others = this.#queries.outside(records);
    await Promise.all([
      ...records.map(record => this.#guarded(() => this.#takeUp(record))),
      this.#guarded(() => this.#askAbout(others)),
    ]);
    while (this.#queries.haveFailed && !this.#halt.signal.aborted) await this.#askAgain();
    this.#halt.end(this.#isWhole && !this.#queries.haveFailed);
    this.#lane.fates.forget(this.#queries.answeredKeys);
    return this.#queries.outcomes;
  }

  /** A failure with one batch stops the others. Batches that the service has stay there. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#isWhole = false;
      this.#halt.fail(error);
    }
  }

  /** Continues with a batch of an earlier run. */
  async #takeUp(record: BatchRecord): Promise<void> {
    const found = await findLost(this.#lane, record, this.#halt.signal);
    const indices = this.#queries.indicesOf(record);
    if (found === undefined) return this.#submit(indices, record.attempt);
    if (this.#lane.cancel) await cancelBatch(this.#lane, found);
    const turn = this.#lane.room.occupy({requests: linesOf(record).size, tokens: this.#mostTokens(indices)});
    await this.#follow(turn, record.attempt, () => this.#collect(found));
  }

  /** Asks about queries that are in no batch and have no known outcome. */
  async #askAbout(indices: readonly number[]): Promise<void> {
    if (indices.length === 0) return;
    const open = this.#settleKnown(indices, await this.#askKept(indices));
    const needs = {lane: this.#lane, queries: this.#queries, ask: (some: readonly number[]) => this.#askKept(some)};
    const ahead = this.#lane.cancel ? 0 : await sendAhead(open, needs);
    await this.#submit(open.slice(ahead), 1);
  }

  /** The indices without a known outcome. */
  #settleKnown(indices: readonly number[], outcomes: readonly Outcome<A>[]): readonly number[] {
    return indices.filter((position, index) => {
      const outcome = outcomes[index]!;
      if ('error' in outcome && outcome.error instanceof UnaskedError) return true;
      this.#queries.settle(position, outcome);
      return false;
    });
  }

  async #submit(indices: readonly number[], attempt: number): Promise<void> {
    if (this.#lane.cancel) {
      return this.#settleAll(indices, new PendingError('It is in no batch, and `--cancel` submits nothing.'));
    }
    const {lane, room} = this.#lane;
    const {requests, tokens} = room.largest;
    const batches = splitIntoBatches(this.#queries.linesOf(indices, this.#lane), {
      maxRequests: Math.min(lane.maxRequests, requests),
      maxBytes: lane.maxBytes,
      maxTokens: tokens,
    });
    await Promise.all(batches.map(lines => this.#guarded(() => this.#askInBatch(lines, attempt))));
  }

  /** Asks about lines in one batch, when the account has room for it. */
  async #askInBatch(lines: readonly LaneLine[], attempt: number): Promise<void> {
    const indices = indicesOf(lines);
    const entry = await this.#enter(loadOf(lines));
    if (entry === 'too large') return this.#submit(indices, attempt);
    if ('refusal' in entry) return this.#settleAll(indices, entry.refusal);
    await this.#follow(entry.turn, attempt, async () => {
      const sent = await this.#lane.inTurn(() => this.#send(lines, attempt));
      return 'record' in sent ? this.#collect(sent.record, sent.funds) : sent.fate;
    });
  }

  async #enter(load: BatchLoad): Promise<Entry> {
    const {room, detached, watch} = this.#lane;
    if (detached) {
      const turn = room.tryEnter(load);
      return turn ? {turn} : {refusal: laterError('The account has no room for more batches now.')};
    }
    watch?.waits(1);
    return room.enter(load, this.#halt.signal).finally(() => watch?.waits(-1));
  }

  /** Sees a batch to its end. If the service had no room for it, its queries are submitted again. */
  async #follow(turn: Turn, attempt: number, see: () => Promise<Fate>): Promise<void> {
    const {room, detached, sleep = timer} = this.#lane;
    let fate: Fate | undefined;
    try {
      fate = await see();
      if (fate === 'ended') room.ended(turn);
      if (typeof fate === 'string') return;
      const {refusal, indices} = fate;
      const wait = room.refused(turn, refusal);
      if (detached) return this.#settleAll(indices, laterError(refusal.message));
      if (wait === undefined) return this.#settleAll(indices, refusal);
      if (wait > 0) await sleep(wait, this.#halt.signal);
    } finally {
      // A batch that is under way stays in the room.
      if (fate !== 'under way') room.left(turn);
    }
    await this.#submit(fate.indices, attempt);
  }

  /** The most input tokens of requests about these queries. */
  #mostTokens(indices: readonly number[]): number {
    const {worstCase} = this.#lane.service;
    return this.#queries.at(indices).reduce((sum, query) => sum + (worstCase?.([query])?.inputTokens ?? 0), 0);
  }

  #settleAll(indices: readonly number[], error: Error): void {
    for (const index of indices) this.#queries.settle(index, {error});
  }

  /** Submits as many of these as the budget covers. */
  async #send(lines: readonly LaneLine[], attempt: number): Promise<Sent | {readonly fate: Fate}> {
    const {count, refusal, funds} = await reserveFor(this.#lane, lines);
    const funded = lines.slice(0, count);
    if (refusal) this.#settleAll(indicesOf(lines.slice(count)), refusal);
    if (count === 0) return {fate: 'not sent'};
    try {
      const record = await submitBatch(this.#lane, funded, {attempt, funds, stop: this.#halt.signal});
      return {funds, record};
    } catch (error) {
      if (!isForWantOfRoom(error)) throw error;
      return {fate: {refusal: error, indices: indicesOf(funded)}};
    }
  }

  /** Waits for a batch, keeps its results, and notes the failures. */
  async #collect(record: Submission, funds?: Funds): Promise<Fate> {
    const {detached: detaches, fates, journal, ledger} = this.#lane;
    const {attempt, keys} = record;
    try {
      const state = await waitForEnd(this.#lane, record, {stop: this.#halt.signal, looksOnce: detaches});
      const indices = this.#queries.indicesOf(record);
      if (!state.isEnded) {
        this.#settleAll(indices, pendingIn(record));
        return 'under way';
      }
      if (isForWantOfRoom(state.failure)) {
        funds?.settleRest('not sent');
        ledger?.add({calls: -linesOf(record).size});
        journal.batches.remove(record);
        return {refusal: state.failure, indices};
      }
      const {errors, isForeign} = await collectBatch(this.#lane, record, state, {funds, stop: this.#halt.signal});
      if (isForeign) {
        await this.#takeUp(withoutId(record));
        return 'ended';
      }
      for (const key of keys) fates.set(key, {attempt, error: errors.get(key)});
      const outcomes = await this.#askKept(indices);
      for (const [index, position] of indices.entries()) {
        this.#queries.fail(position, outcomes[index]!, attempt);
        if ('answer' in outcomes[index]!) this.#hasAnswers = true;
      }
      journal.batches.remove(record);
      this.#queries.settleLasting();
      return 'ended';
    } finally {
      funds?.settleRest('worst case');
    }
  }

  /** Submits failed queries again. */
  async #askAgain(): Promise<void> {
    const byAttempt = this.#queries.takeFailed(this.#hasAnswers);
    this.#hasAnswers = false;
    await Promise.all(
      Array.from(byAttempt, ([attempt, indices]) => this.#guarded(() => this.#submit(indices, attempt))),
    );
  }

  #askKept(indices: readonly number[]): Promise<readonly Outcome<A>[]> {
    const {detail = withoutFeatures(this.#kept.detail)} = this.#options;
    return this.#kept.ask(
      this.#queries.at(indices),
      // The layer that keeps an outcome does not know whether it is the last one.
      {...this.#options, detail, stop: this.#halt.signal, onSettled: () => {}},
    );
  }
}

function laterError(problem: string): PendingError {
  return new PendingError(`${problem} The same command submits it later.`);
}

function pendingIn({id, plannedAt, ...record}: Submission): PendingError {
  return new PendingError(
    `Batch ${id} of ${linesOf(record).size.toLocaleString('en-GB')} requests is under way since ${plannedAt}. The same command ` +
      'collects it once it has ended.',
  );
}
