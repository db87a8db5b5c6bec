import {type Missing, outcomesOf, queryAbout} from '../ask/collect.ts';
import type {LedgerSnapshot} from '../ask/ledger.ts';
import {withProgress} from '../ask/progress/meter.ts';
import {InputError} from '../errors.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import type {RowRange} from '../recipe/transfer.ts';
import {collected, type Pending, taskOf} from './asking.ts';
import type {Labelled} from './missing.ts';
import type {Study} from './study.ts';

export type {RowRange} from '../recipe/transfer.ts';

/** One of `of` shares of a transfer set in its drawn order. Their sizes differ by at most one. */
export interface Share {
  /** From 1 to `of`. */
  readonly number: number;
  readonly of: number;
}

/** The part of a transfer set that one process labels. */
export type Shard = RowRange | Share;

/**
 * The rows of a shard.
 *
 * @param count - inputs of the transfer set
 * @throws InputError if the transfer set does not have these rows, or so many shares
 */
export function rowsOf(shard: Shard, count: number): RowRange {
  if ('of' in shard) {
    const {number, of} = shard;
    if (isWithin(number, 1, of) && isWithin(of, 1, count)) {
      return {from: Math.floor(((number - 1) * count) / of), to: Math.floor((number * count) / of)};
    }
    throw new InputError(
      `There is no share ${number}/${of} of a transfer set of ${count} inputs. Give \`--shard N/M\` with N from 1 to M, ` +
        `and M of at most ${count}.`,
    );
  }
  const {from, to} = shard;
  if (isWithin(from, 0, to - 1) && isWithin(to, 1, count)) return {from, to};
  throw new InputError(
    `There are no rows ${from}:${to} in a transfer set of ${count} inputs. Give \`--rows A:B\` with A from 0, B above A ` +
      `and at most ${count}; row B is not among them.`,
  );
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

/** Where a shard is in its transfer set. */
export interface ShardRows {
  readonly rows: RowRange;
  /** Inputs of the transfer set. */
  readonly of: number;
}

/**
 * Where a shard is in the transfer set of a recipe.
 *
 * @param plans - those that are to be asked
 * @throws InputError as `rowsOf` does, or if a method chooses its inputs in rounds
 */
export function rowsIn(shard: Shard, {transfer}: ResolvedRecipe, plans: readonly QueryPlan[]): ShardRows {
  const of = transfer.size;
  const rows = rowsOf(shard, of);
  const chosen = plans.find(({select}) => select !== undefined);
  if (chosen === undefined) return {rows, of};
  throw new InputError(
    `Method \`${chosen.own!.method}\` chooses its inputs in rounds, each by the answers before, so no part of them can be ` +
      'asked about alone. Leave out `--rows` and `--shard`, or the method.',
  );
}

/** The answers about a shard. Its `total` counts the inputs of the shard; versions count for themselves. */
export type LabelledShard = (Omit<Labelled, 'path'> | Pending) & ShardRows;

/**
 * Asks about a shard. Its answers are kept, and no knowledge is saved: a file of a part could be taken for the whole.
 *
 * @throws InputError as `rowsIn` does
 */
export async function labelShard(study: Study, plan: QueryPlan, shard: Shard): Promise<LabelledShard> {
  const own = rowsIn(shard, study.recipe, [plan]);
  const found = await collected(study, plan, await study.recipe.partOf(plan, own.rows));
  return {...found, ...own};
}

/** What is known of a range when it was asked about. Its answers are in the store. */
export interface AnsweredRange {
  /** Queries: inputs, and versions of them. */
  readonly total: number;
  /** By their index in the range, those that the teacher left without an answer. */
  readonly missing: readonly Missing[];
  readonly ledger: LedgerSnapshot;
}

/**
 * Asks about a range of rows, and keeps the answers in the store. Makes no knowledge of them.
 *
 * @throws InputError as `rowsIn` does
 */
export async function answerRange(study: Study, plan: QueryPlan, range: RowRange): Promise<AnsweredRange> {
  const {rows} = rowsIn(range, study.recipe, [plan]);
  const opened = study.asking.open(study.teacherFor(plan));
  const {inputs, views} = await study.recipe.partOf(plan, rows);
  const total = inputs.count;
  const set = {count: total, at: (index: number) => queryAbout(inputs, index, views)};
  const outcomes = await withProgress(study, opened, {task: taskOf(plan), total}, ({signal, onProgress}) =>
    outcomesOf(opened.teacher, set, {detail: plan.detail, signal, onProgress}),
  );
  const missing = outcomes.flatMap((outcome, index) => ('error' in outcome ? [{index, error: outcome.error}] : []));
  return {total, missing, ledger: opened.ledger.snapshot()};
}
