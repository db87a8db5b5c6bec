import {exactInterval} from '../statistics/bounds.ts';
import {reach} from '../statistics/two-parts.ts';
import {type Difference, differenceOf} from './compare-scores.ts';
import {mean, standardDeviation} from './statistics.ts';

/** The share of test inputs that each student of a method has right. How they answered single inputs is not known. */
export interface SeedShares {
  /** One for each student, all different. */
  readonly seeds: readonly number[];
  /** [seed], from 0 to 1, all of the same inputs. */
  readonly shares: readonly number[];
  /** Number of test inputs. */
  readonly inputs: number;
}

/**
 * An interval that contains the mean share over all seeds and inputs with a probability of at least about 95 %. The variance
 * of the inputs' means over seeds is taken as large as it can be: as if all students answered an input alike. Close to 0 and
 * 1 the exact interval is the wider one.
 */
export function intervalOfShares({shares, inputs}: Omit<SeedShares, 'seeds'>): readonly [low: number, high: number] {
  const [share, seeds] = [mean(shares), shares.length];
  const exact = [
    // Rounding must not take one input from 0.57 * 100.
    exactInterval(Math.floor(share * inputs + 1e-6), inputs)[0],
    exactInterval(Math.ceil(share * inputs - 1e-6), inputs)[1],
  ] as const;
  if (seeds === 1) return exact;
  const ofInputs = {variance: (share * (1 - share)) / inputs, degrees: Math.max(1, inputs - 1)};
  const far = reach(0.05, [{variance: standardDeviation(shares) ** 2 / seeds, degrees: seeds - 1}, ofInputs]);
  return [Math.max(0, Math.min(exact[0], share - far)), Math.min(1, Math.max(exact[1], share + far))];
}

/**
 * Compares two methods by their shares, as `compareScores` does by their answers. The part of the test inputs is taken as
 * large as it can be: as if all students of a method answered an input alike, and as if the methods were measured on inputs
 * that have nothing to do with each other. For the same inputs the interval is therefore wider than it need be. Methods with
 * the same two seeds or more are paired by seed.
 */
export function compareShares(method: SeedShares, baseline: SeedShares): Difference {
  const seeds: [number, number] = [method.seeds.length, baseline.seeds.length];
  const isAlone = Math.min(...seeds) === 1;
  const paired = !isAlone && seeds[0] === seeds[1] && method.seeds.every(seed => baseline.seeds.includes(seed));
  const differences = method.seeds.map(
    (seed, index) => method.shares[index]! - baseline.shares[baseline.seeds.indexOf(seed)]!,
  );
  const examples = Math.min(method.inputs, baseline.inputs);
  const samples = paired ? [{shares: differences, inputs: examples}] : [method, baseline];
  return differenceOf({
    difference: mean(method.shares) - mean(baseline.shares),
    paired,
    seeds,
    examples,
    ofSeeds: isAlone ? [] : samples.map(varianceOfSeeds),
    ofExamples: varianceOfInputs(method) + varianceOfInputs(baseline),
  });
}

/** With that of rounding (Sheppard, 1898): shares come in steps of 1 / inputs, so a few can be equal by chance. */
function varianceOfSeeds({shares, inputs}: Omit<SeedShares, 'seeds'>): number {
  return (standardDeviation(shares) ** 2 + 1 / 12 / inputs ** 2) / shares.length;
}

/** One more right and one more wrong input keep a share of 0 or 1 from passing for certain (Agresti and Caffo, 2000). */
function varianceOfInputs({shares, inputs}: SeedShares): number {
  const share = (mean(shares) * inputs + 1) / (inputs + 2);
  return (share * (1 - share)) / (inputs + 2);
}
