import type {Inputs} from '../data/inputs.ts';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Student} from '../student/student.ts';
import {lookAt} from './look.ts';
import type {Plan} from './options.ts';

/** What the inputs of the next round are chosen by. */
export interface ChooseOptions {
  readonly plan: Plan;
  /** How many are wanted. */
  readonly size: number;
  /** Trained on what was learned. */
  readonly students: readonly Student[];
  readonly learned: Knowledge;
  /** Of this round. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/**
 * Chooses the inputs of the next round: a share at random, the others by the strategy.
 *
 * @param rows - the places in the pool of the inputs that were not asked about
 * @returns places in the pool
 */
export async function chooseNext(pool: Inputs, rows: Int32Array, options: ChooseOptions): Promise<Int32Array> {
  const {plan, students, learned, seed, signal} = options;
  const size = Math.min(options.size, rows.length);
  const shuffled = shuffledIndices(rows.length, seed, 'inputs to choose among').map(place => rows[place]!);
  const explored = Math.round(plan.explore * size);
  const wanted = size - explored;
  if (wanted === 0) return shuffled.slice(0, size);
  // In the order of the pool, which is quicker to read.
  const candidates = shuffled.slice(explored, explored + Math.max(wanted, plan.among)).sort();
  const known = await lookAt(pool, candidates, students, learned, {
    ...{needs: plan.by.needs, seed: mixSeed(seed, 'choice')},
    ...(signal && {signal}),
  });
  const chosen = plan.by.choose(known, wanted).map(place => candidates[place]!);
  return Int32Array.from([...shuffled.slice(0, explored), ...chosen]);
}
