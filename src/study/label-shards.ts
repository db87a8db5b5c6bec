import {rm} from 'node:fs/promises';
import type {Missing} from '../ask/collect.ts';
import {BudgetError, KnowledgeError, PendingError} from '../errors.ts';
import type {StoredKnowledge} from '../knowledge/knowledge.ts';
import {isIntact, readShardIndex, removeUnlisted, type ShardedIndex, saveShard} from '../knowledge/shard-index.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {RowRange} from '../recipe/transfer.ts';
import {digestOf} from '../train/fingerprint.ts';
import {collected, type Pending} from './asking.ts';
import {knowledgeFile, knowledgeFolder} from './knowledge.ts';
import type {Labelled} from './missing.ts';
import type {LedgerTotals} from './results.ts';
import type {Study} from './study.ts';

/** The answers about data in shards. Their knowledge is in shards too, and none of it in memory. */
export interface LabelledInShards extends Omit<Labelled, 'knowledge'> {
  /** Of all shards, those of earlier runs too. */
  readonly knowledge: Pick<StoredKnowledge, 'count' | 'detail'>;
  /** Inputs that another run may answer. They are not among the missing ones. */
  readonly unasked: number;
}

/** Inputs of a shard: all that are in memory at once. */
const SHARD_ROWS = 2 ** 16;

/**
 * Asks about data in shards, part by part, and saves the knowledge of each as a shard. Shards of an earlier run whose inputs
 * are all answered are kept, and not asked about again.
 *
 * @param reasons - by index in the transfer set, why other processes got no answer. It replaces what is known here
 * @param rowsOfShard - inputs of a shard
 * @throws KnowledgeError if a part has no answers at all, and not for the budget
 */
export async function labelInShards(
  study: Study,
  plan: QueryPlan,
  reasons: ReadonlyMap<number, Error> = new Map(),
  rowsOfShard: number = SHARD_ROWS,
): Promise<LabelledInShards | Pending> {
  const {recipe, directory} = study;
  const folder = knowledgeFolder(directory, plan);
  const {size} = recipe.transfer;
  let index = await indexFor(study, plan, folder);
  const ledgers: LedgerTotals[] = [];
  const missing: Missing[] = [];
  const left = {pending: 0, unpaid: 0};
  let pending: PendingError | undefined;
  for (let from = 0; from < size; from += rowsOfShard) {
    const rows = {from, to: Math.min(size, from + rowsOfShard)};
    if (await isDone(folder, index, rows)) continue;
    const found = await partAnswered(study, plan, rows);
    ledgers.push(found.ledger);
    if ('pending' in found) ({pending} = found);
    if (!('knowledge' in found)) {
      left['pending' in found ? 'pending' : 'unpaid'] += rows.to - from;
      continue;
    }
    let unanswered = 0;
    for (const {index: row, error: known} of found.missing) {
      const error = reasons.get(from + row) ?? known;
      if (error instanceof PendingError) left.pending++;
      else if (error instanceof BudgetError) left.unpaid++;
      else {
        missing.push({index: from + row, error});
        unanswered++;
      }
    }
    const unasked = found.missing.length - unanswered;
    index = await saveShard(folder, index, found.knowledge, {rows: [from, rows.to], unasked, unanswered});
  }
  const {name: teacher} = study.teacherFor(plan);
  const ledger = sumOf(ledgers, study.asking.open(study.teacherFor(plan)).ledger.snapshot());
  const count = index.shards.reduce((sum, shard) => sum + shard.count, 0);
  if (left.unpaid > 0)
    study.onNote(`${left.unpaid} of ${size} inputs were not sent to the teacher: the budget is spent.`);
  if (count === 0 && pending) return {plan, teacher, ledger, pending};
  if (left.pending > 0) study.onNote(`${left.pending} of ${size} inputs have no answer yet: they are in batches.`);
  if (count > 0) {
    await removeUnlisted(folder, index);
    await rm(knowledgeFile(directory, plan), {force: true});
  }
  const unasked = left.pending + left.unpaid;
  return {plan, teacher, ledger, missing, unasked, total: size, path: folder, knowledge: {count, detail: plan.detail}};
}

/** The index of an earlier run about the same; an empty one if there is none. */
async function indexFor({recipe, teacherFor}: Study, plan: QueryPlan, folder: string): Promise<ShardedIndex> {
  const {shards, transfer, budgets} = recipe;
  const {identity, service} = teacherFor(plan);
  const draw = [transfer.size, transfer.seed ?? 0, budgets !== undefined];
  const origin = digestOf([shards!.digest, draw, plan.detail, identity, service?.reader ?? null]);
  const kept = await readShardIndex(folder);
  return kept?.origin === origin ? kept : {format: 'limbeck.knowledge-shards/1', origin, of: transfer.size, shards: []};
}

async function isDone(folder: string, {shards}: ShardedIndex, {from, to}: RowRange): Promise<boolean> {
  const shard = shards.find(({rows}) => rows[0] === from && rows[1] === to);
  return shard !== undefined && shard.unasked + shard.unanswered === 0 && isIntact(folder, shard);
}

type Found = Omit<Labelled, 'path'> | Pending | Unpaid;

/** A part of which nothing is answered, since the budget was spent before it. */
type Unpaid = Pick<Labelled, 'ledger'>;

async function partAnswered(study: Study, plan: QueryPlan, rows: RowRange): Promise<Found> {
  try {
    return await collected(study, plan, await study.recipe.partOf(plan, rows));
  } catch (error) {
    // Later parts may have answers that were bought before.
    if (error instanceof KnowledgeError && error.cause instanceof BudgetError) {
      return {ledger: study.asking.open(study.teacherFor(plan)).ledger.snapshot()};
    }
    throw error;
  }
}

function sumOf(ledgers: readonly LedgerTotals[], none: LedgerTotals): LedgerTotals {
  const total: Record<string, number | undefined> = {...none};
  for (const ledger of ledgers) {
    for (const [name, amount] of Object.entries(ledger)) {
      if (amount !== undefined) total[name] = (total[name] ?? 0) + amount;
    }
  }
  return total as unknown as LedgerTotals;
}
