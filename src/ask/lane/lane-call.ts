import pLimit from 'p-limit';
import {BudgetError, PendingError, TeacherError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import {type BatchRecord, linesOf} from '../../store/journal/unfinished.ts';
import type {Access, Outcome, Query} from '../../teacher.ts';
import {type Halt, haltAfter} from '../batches.ts';
import type {LayeredTeacher, LayerOptions} from '../layer.ts';
import {type BatchFates, cancelBatch, collectBatch, UnaskedError, waitForEnd} from './collect-batch.ts';
import type {LaneWork} from './lane.ts';
import {isForWantOfRoom, type LaneLine, LaneQueries, splitIntoBatches} from './lane-queries.ts';
import {type Funds, findLost, reserveFor, type Submission, submitBatch, withoutId} from './submit.ts';

/** The most queries that are asked singly before others are submitted. */
const AHEAD = 5;

export interface LaneCallOptions extends LaneWork {
  readonly fates: BatchFates;
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

/** All queries of one call, different ones, on their way through the lane. */
export class LaneCall<A extends Access> {
  readonly #kept: LayeredTeacher<A>;
  readonly #lane: LaneCallOptions;
  readonly #queries: LaneQueries<A>;
  readonly #options: LayerOptions;
  readonly #halt: Halt;
  /** One batch after another, because each can fill much memory until the service has it. */
  readonly #inTurn = pLimit(1);
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
    if (found && this.#lane.cancel) await cancelBatch(this.#lane, found);
    if (found) await this.#collect(found);
    else await this.#submit(this.#queries.indicesOf(record), record.attempt);
  }

  /** Asks about queries that are in no batch and have no known outcome. */
  async #askAbout(indices: readonly number[]): Promise<void> {
    if (indices.length === 0) return;
    const open = this.#settleKnown(indices, await this.#askKept(indices));
    await this.#submit(open.slice(await this.#sendAhead(open)), 1);
  }

  /**
   * Asks about the first queries singly, until one is answered.
   *
   * @returns how many were asked
   * @throws TeacherError if none of them is answered
   */
  async #sendAhead(indices: readonly number[]): Promise<number> {
    if (indices.length < 2 || this.#lane.cancel) return 0;
    for (const [index, position] of indices.slice(0, AHEAD).entries()) {
      this.#lane.fates.sendAhead(this.#queries.keyOf(position));
      const [outcome] = await this.#askKept([position]);
      this.#queries.settle(position, outcome!);
      if ('answer' in outcome! || outcome!.error instanceof BudgetError) return index + 1;
      if (index + 1 === indices.length) return index + 1;
    }
    const {name} = this.#lane.teacher;
    const last = this.#queries.outcomes[indices[AHEAD - 1]!] as {readonly error: Error};
    throw new TeacherError(
      name,
      `It answered none of ${AHEAD} queries that were asked one by one, so nothing was submitted. Find the cause first.`,
      {cause: last.error},
    );
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
      const error = new PendingError('It is in no batch, and `--cancel` submits nothing.');
      for (const position of indices) this.#queries.settle(position, {error});
      return;
    }
    const lines = this.#queries.linesOf(indices, this.#lane);
    const batches = splitIntoBatches(
      lines.map(({bytes}) => bytes),
      this.#lane.lane,
    );
    await Promise.all(
      batches.map(batch =>
        this.#guarded(async () => {
          const inBatch = batch.map(index => lines[index]!);
          const sent = await this.#inTurn(() => this.#send(inBatch, attempt));
          if (sent) await this.#collect(sent.record, sent.funds);
        }),
      ),
    );
  }

  /** Submits as many of these as the budget covers. If the service has no room, they wait for the other batches. */
  async #send(lines: readonly LaneLine[], attempt: number): Promise<Sent | undefined> {
    const indicesOf = (some: readonly LaneLine[]) => some.flatMap(({indices}) => indices);
    const {count, refusal, funds} = await reserveFor(this.#lane, lines);
    if (refusal) for (const index of indicesOf(lines.slice(count))) this.#queries.settle(index, {error: refusal});
    if (count === 0) return undefined;
    try {
      const record = await submitBatch(this.#lane, lines.slice(0, count), {
        attempt,
        funds,
        stop: this.#halt.signal,
      });
      return {funds, record};
    } catch (error) {
      const outcome = {error: error as Error};
      if (!isForWantOfRoom(outcome)) throw error;
      const later = {error: new PendingError(`${outcome.error.message} The same command submits them later.`)};
      for (const index of indicesOf(lines.slice(0, count))) {
        if (this.#lane.detached) this.#queries.settle(index, later);
        else this.#queries.fail(index, outcome, attempt);
      }
      this.#queries.settleLasting();
      return undefined;
    }
  }

  /** Waits for a batch, keeps its results, and notes the failures. */
  async #collect(record: Submission, funds?: Funds): Promise<void> {
    const {detached: detaches, fates, journal} = this.#lane;
    const {attempt, keys} = record;
    try {
      const state = await waitForEnd(this.#lane, record, {stop: this.#halt.signal, looksOnce: detaches});
      const indices = this.#queries.indicesOf(record);
      if (!state.isEnded) {
        for (const position of indices) this.#queries.settle(position, {error: pendingIn(record)});
        return;
      }
      const {errors, isForeign} = await collectBatch(this.#lane, record, state, {funds, stop: this.#halt.signal});
      if (isForeign) return await this.#takeUp(withoutId(record));
      for (const key of keys) fates.set(key, {attempt, error: errors.get(key)});
      const outcomes = await this.#askKept(indices);
      for (const [index, position] of indices.entries()) {
        this.#queries.fail(position, outcomes[index]!, attempt);
        if ('answer' in outcomes[index]!) this.#hasAnswers = true;
      }
      journal.batches.remove(record);
      this.#queries.settleLasting();
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

function pendingIn({id, plannedAt, ...record}: Submission): PendingError {
  return new PendingError(
    `Batch ${id} of ${linesOf(record).size.toLocaleString('en-GB')} requests is under way since ${plannedAt}. The same command ` +
      'collects it once it has ended.',
  );
}
