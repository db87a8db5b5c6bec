import {laneOf} from '../ask/lane/lane.ts';
import type {PlanTotal} from '../ask/plan/cost.ts';
import {type PlanOptions, planByLane} from '../ask/plan/plan.ts';
import type {Inputs} from '../data/inputs.ts';
import type {ProbedService} from '../service-features.ts';
import type {Detail, Teacher} from '../teacher.ts';

/** A way to ask a language model: about inputs alone or in packs, request by request or by its batch lane. */
export interface AskingWay extends PlanTotal {
  /** The most inputs in one request. */
  readonly pack: number;
  readonly byBatches: boolean;
  /** True for the way of the recipe and the command. */
  readonly isPlanned: boolean;
  /** How many kept replies the mean of the expected tokens covers. */
  readonly keptReplies: number;
}

/** The size of packs that is shown for a recipe without packs. */
const SHOWN_PACK = 16;

/**
 * Plans the other ways to ask a teacher about the same inputs, beside its own. Asks nobody.
 *
 * @returns all of them, its own among them; none if there is one alone
 */
export async function planWays(
  teacher: Teacher,
  inputs: Inputs,
  options: PlanOptions & {readonly byBatches: boolean},
): Promise<readonly AskingWay[]> {
  const ways: AskingWay[] = [];
  for (const [pack, packed] of packsOf(teacher, inputs)) {
    // Each way is planned as if there were no other.
    const planBy = await planByLane(packed, inputs, {...options, planned: new Map<string, Detail>()});
    for (const byBatches of laneOf(packed) ? [false, true] : [false]) {
      const {calls, tokens, usd, seconds, keptReplies} = planBy(byBatches);
      ways.push({
        ...{pack, byBatches, isPlanned: packed === teacher && byBatches === options.byBatches, keptReplies, calls},
        ...(tokens && {tokens}),
        ...(usd && {usd}),
        ...(seconds && {seconds}),
      });
    }
  }
  return ways.length > 1 ? ways : [];
}

/** The teacher for inputs alone and in packs, by the most inputs in one request. */
function packsOf(teacher: Teacher, inputs: Inputs): readonly (readonly [size: number, teacher: Teacher])[] {
  const {packing} = (teacher.service as ProbedService | undefined)?.probe ?? {};
  if (teacher.parts !== undefined) return [];
  if (packing === undefined) return [[1, teacher]];
  const {size} = packing;
  if (size > 1) {
    return [
      [1, packing.at(1)],
      [size, teacher],
    ];
  }
  const isPackable = inputs.kind === 'text' || inputs.kind === 'record';
  return [[1, teacher], ...(isPackable ? [[SHOWN_PACK, packing.at(SHOWN_PACK)] as const] : [])];
}
