import {rm} from 'node:fs/promises';
import pLimit from 'p-limit';
import type {CollectOptions, Missing} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {withProgress} from '../ask/progress/meter.ts';
import {isBucketUrl} from '../data/bucket/url.ts';
import {BudgetError, KnowledgeError, PendingError} from '../errors.ts';
import type {StoredKnowledge} from '../knowledge/knowledge.ts';
import {emptyIndex, readShardIndex, removeUnlisted, saveShard} from '../knowledge/shard-index.ts';
import type {ShardedIndex, ShardFolder} from '../knowledge/sharded.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {RowRange} from '../recipe/transfer.ts';
import {digestOf} from '../train/fingerprint.ts';
import {collectedFrom, type Pending, taskOf} from './asking.ts';
import {knowledgeFile, shardsOf} from './folders.ts';
import type {Labelled} from './missing.ts';
import type {Study} from './study.ts';

/** The answers about data in shards. Their knowledge is in shards too, and none of it in memory. */
export interface LabelledInShards extends Omit<Labelled, 'knowledge'> {
  /** Of all shards, those of earlier runs too. */
  readonly knowledge: Pick<StoredKnowledge, 'count' | 'detail'>;
  /** Inputs that another run may answer. They are not among the missing ones. */
  readonly unasked: number;
}

/** Inputs of a shard. */
const SHARD_ROWS = 2 ** 16;

/** Shards that are asked about at once if their batches are awaited, which can take a day. Each is held in memory. */
const AWAITED_SHARDS = 4;

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
  const {asking, onNote, recipe} = study;
  const {size: total} = recipe.transfer;
  const folder = await shardsOf(study, plan);
  const opened = asking.open(study.teacherFor(plan));
  const {name: teacher} = opened.teacher;
  const labelling = new Labelling({study, plan, reasons, folder}, await indexFor(study, plan, folder));
  await withProgress(study, opened, {task: taskOf(plan), total}, progress =>
    labelling.label(partsOf(total, rowsOfShard), opened.teacher, progress),
  );
  const {index, missing, inBatches, unpaid, pending} = labelling;
  const ledger = opened.ledger.snapshot();
  const count = index.shards.reduce((sum, shard) => sum + shard.count, 0);
  if (unpaid > 0) onNote(`${unpaid} of ${total} inputs were not sent to the teacher: the budget is spent.`);
  if (count === 0 && pending) return {plan, teacher, ledger, pending};
  if (inBatches > 0) onNote(`${inBatches} of ${total} inputs have no answer yet: they are in batches.`);
  if (count > 0) {
    await removeUnlisted(folder, index);
    if (!isBucketUrl(study.knowledgeRoot)) await rm(knowledgeFile(study, plan), {force: true});
  }
  const knowledge = {count, detail: plan.detail};
  return {plan, teacher, ledger, missing, unasked: inBatches + unpaid, total, path: folder.name, knowledge};
}

function partsOf(total: number, rowsOfShard: number): readonly RowRange[] {
  const starts = Array.from({length: Math.ceil(total / rowsOfShard)}, (_, shard) => shard * rowsOfShard);
  return starts.map(from => ({from, to: Math.min(total, from + rowsOfShard)}));
}

/** The index of an earlier run about the same; an empty one if there is none. */
async function indexFor({recipe, teacherFor}: Study, plan: QueryPlan, folder: ShardFolder): Promise<ShardedIndex> {
  const {shards, transfer, budgets} = recipe;
  const {identity, service} = teacherFor(plan);
  const draw = [transfer.size, transfer.seed ?? 0, budgets !== undefined];
  const origin = digestOf([shards!.digest, draw, plan.detail, identity, service?.reader ?? null]);
  const kept = await readShardIndex(folder);
  return kept?.origin === origin ? kept : emptyIndex(origin, transfer.size);
}

async function isDone(folder: ShardFolder, {shards}: ShardedIndex, {from, to}: RowRange): Promise<boolean> {
  const shard = shards.find(({rows}) => rows[0] === from && rows[1] === to);
  return shard !== undefined && shard.unasked + shard.unanswered === 0 && folder.holds(shard);
}

interface LabellingNeeds {
  readonly study: Study;
  readonly plan: QueryPlan;
  readonly reasons: ReadonlyMap<number, Error>;
  readonly folder: ShardFolder;
}

type Progress = Pick<CollectOptions, 'signal'> & Required<Pick<CollectOptions, 'onProgress'>>;

/** Asks about the parts of a transfer set, and saves each as a shard. */
class Labelling {
  index: ShardedIndex;
  readonly missing: Missing[] = [];
  /** Inputs whose batches have not ended. */
  inBatches = 0;
  /** Inputs that the budget did not cover. */
  unpaid = 0;
  pending: PendingError | undefined;
  readonly #needs: LabellingNeeds;
  /** The index is written by one at a time. */
  readonly #inTurn = pLimit(1);

  constructor(needs: LabellingNeeds, index: ShardedIndex) {
    this.#needs = needs;
    this.index = index;
  }

  async label(parts: readonly RowRange[], teacher: LayeredTeacher, {signal, onProgress}: Progress): Promise<void> {
    const {folder, study} = this.#needs;
    const failed = new AbortController();
    const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    let done = 0;
    const left = parts.values();
    const labelNext = async (): Promise<void> => {
      for (const rows of left) {
        stop.throwIfAborted();
        let told = 0;
        const tell = (now: number) => {
          done += now - told;
          told = now;
          onProgress(done);
        };
        if (!(await isDone(folder, this.index, rows))) {
          await this.#label(rows, teacher, {signal: stop, onProgress: tell});
        }
        tell(rows.to - rows.from);
      }
    };
    const atOnce = study.asking.awaitsBatches ? AWAITED_SHARDS : 1;
    const ended = await Promise.allSettled(
      Array.from({length: atOnce}, () =>
        labelNext().catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      ),
    );
    for (const one of ended) if (one.status === 'rejected') throw failed.signal.reason;
    this.missing.sort((one, other) => one.index - other.index);
  }

  async #label({from, to}: RowRange, teacher: LayeredTeacher, progress: Progress): Promise<void> {
    const {study, plan, reasons, folder} = this.#needs;
    const transfer = await study.recipe.partOf(plan, {from, to});
    const found = await collectedFrom(teacher, study, plan, transfer, progress).catch((error: unknown) => {
      // Later parts may have answers that were bought before.
      const isUnpaid = (reasons.get(from) ?? (error as Error).cause) instanceof BudgetError;
      if (error instanceof KnowledgeError && isUnpaid) return undefined;
      throw error;
    });
    if (found === undefined) this.unpaid += to - from;
    else if ('pending' in found) {
      this.pending = found.pending;
      this.inBatches += to - from;
    } else {
      let unanswered = 0;
      for (const {index, error: known} of found.missing) {
        const error = reasons.get(from + index) ?? known;
        if (error instanceof PendingError) this.inBatches++;
        else if (error instanceof BudgetError) this.unpaid++;
        else {
          this.missing.push({index: from + index, error});
          unanswered++;
        }
      }
      const written = {rows: [from, to], unasked: found.missing.length - unanswered, unanswered} as const;
      await this.#inTurn(async () => {
        this.index = await saveShard(folder, this.index, found.knowledge, written);
      });
    }
  }
}
