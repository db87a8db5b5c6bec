import {type RandomGenerator, randomNormal, randomNormals} from '../../../src/data/random.ts';
import type {MethodCurve} from '../../../src/evaluate/judge-pairs.ts';
import {normalTail} from '../../../src/statistics/distributions.ts';

/** Budgets of the drawn studies: each is twice the one before. */
export const BUDGETS = [250, 500, 1000, 2000, 4000];
/** True agreement of the first method: linear in the logarithm of the budget. */
export const LINE = [0.8, 0.8375, 0.875, 0.9125, 0.95];

/** A method of drawn studies. */
export interface DrawnMethod {
  readonly name: string;
  /** True agreement at each budget. */
  readonly agreement: readonly number[];
  /** Methods of the same kind find the same images hard. */
  readonly kind: string;
}

const INPUTS = 2000;
/**
 * A student names the teacher's class if the sum of these normal effects is above a threshold. They are fitted to the
 * students of `test/fixtures/verdicts` on 10,000 images: the same share of images that change from seed to seed, the same
 * variance of a method over seeds, and of the difference of two methods over seeds. The effect of seeds is greater here by
 * √5, so that seeds have the same share of the variance with 2,000 inputs.
 */
const EFFECTS = {
  input: 7.6,
  /** Of a seed, for all methods. */
  seed: 0.064 * Math.sqrt(5),
  seedOfMethod: 0.058 * Math.sqrt(5),
  seedOfBudget: 0.058 * Math.sqrt(5),
};
/** Effect of an input on one kind of method, and on one budget of it: labels and log-probabilities, or two of the latter. */
export const KINDS = {unlike: 1.3, alike: 0.25} as const;
export type KindDifference = keyof typeof KINDS;

/** Draws a study: nested effects of inputs, seeds, methods and budgets. */
export function drawStudy(
  methods: readonly DrawnMethod[],
  {seeds, kinds, random}: {readonly seeds: number; readonly kinds: KindDifference; readonly random: RandomGenerator},
): readonly MethodCurve[] {
  const inputs = randomNormals(random, INPUTS).map(x => x * EFFECTS.input);
  const ofSeeds = randomNormals(random, seeds);
  const effects = new Map<string, Float64Array>();
  // The effects of a kind are drawn once for all its methods.
  const ofKind = (key: string): Float64Array => {
    const drawn = effects.get(key) ?? randomNormals(random, INPUTS).map(x => x * KINDS[kinds]);
    effects.set(key, drawn);
    return drawn;
  };
  const deviation = Math.hypot(1, ...Object.values(EFFECTS), KINDS[kinds], KINDS[kinds]);
  return methods.map(({name, agreement, kind}) => {
    const own = randomNormals(random, seeds);
    const scores = agreement.map((share, budget) => {
      const [first, second] = [ofKind(kind), ofKind(`${kind} ${budget}`)];
      const sums = inputs.map((x, i) => x + first[i]! + second[i]! + deviation * quantileOf(share));
      const rows = Array.from(ofSeeds, (shared, seed) => {
        const shift =
          shared * EFFECTS.seed + own[seed]! * EFFECTS.seedOfMethod + randomNormal(random) * EFFECTS.seedOfBudget;
        return Uint8Array.from(sums, sum => (isPositive(sum + shift, random) ? 1 : 0));
      });
      return {seeds: rows.map((_, seed) => seed + 1), scores: rows};
    });
    return {name, scores};
  });
}

/** Whether a value with a standard normal number added is positive. Most are far enough from 0 to draw none. */
function isPositive(value: number, random: RandomGenerator): boolean {
  return Math.abs(value) > 4.5 ? value > 0 : value + randomNormal(random) > 0;
}

const quantiles = new Map<number, number>();

/** The number below which a share of the normal distribution lies. */
function quantileOf(share: number): number {
  const known = quantiles.get(share);
  if (known !== undefined) return known;
  let [low, high] = [-8, 8];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (1 - normalTail(middle) < share) low = middle;
    else high = middle;
  }
  quantiles.set(share, low);
  return low;
}
