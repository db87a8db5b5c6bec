import {type CollectOptions, collectAnswered, type Missing} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import {BudgetError, KnowledgeError, PendingError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Access} from '../teacher.ts';

/** What a teacher said of the inputs of one round. */
export interface RoundAnswers {
  /** Of the inputs that were answered, in their order; undefined where the budget was at its end before the first. */
  readonly knowledge: Knowledge | undefined;
  /** The others, by their places in the pool. */
  readonly missing: readonly Missing[];
}

/**
 * Asks a teacher about the inputs of one round.
 *
 * @param rows - their places in the pool
 * @throws KnowledgeError as `collectAnswered` does, but for a budget at its end; PendingError where an answer is in a batch
 *   that has not ended: what comes next depends on it
 */
export async function askRound<A extends Access>(
  teacher: LayeredTeacher<A>,
  pool: Inputs,
  rows: Int32Array,
  options: CollectOptions,
): Promise<RoundAnswers> {
  const transfer = {role: 'transfer', inputs: selectInputs(pool, rows)} as const;
  const collection = await collectAnswered(teacher, transfer, options).catch((error: unknown) => {
    if (!(error instanceof KnowledgeError && error.cause instanceof BudgetError)) throw error;
    const {cause} = error;
    return {knowledge: undefined, missing: Array.from(rows, (_, index) => ({index, error: cause}))};
  });
  const pending = collection.missing.find(({error}) => error instanceof PendingError);
  if (pending) throw pending.error;
  const missing = collection.missing.map(({index, error}) => ({index: rows[index]!, error}));
  return {knowledge: collection.knowledge, missing};
}
