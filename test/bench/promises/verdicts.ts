/** False verdicts and power of `compareScores` and `judge`, beside the percentile bootstrap of earlier versions. */
import {seededRandom} from '../../../src/data/random.ts';
import {compareScores} from '../../../src/evaluate/compare-scores.ts';
import {judge} from '../../../src/evaluate/judge.ts';
import {mean, quantile} from '../../../src/evaluate/statistics.ts';
import {reach} from '../../../src/statistics/two-parts.ts';
import {pairedBootstrap} from './percentile-bootstrap.ts';
import {DEMO_EFFECT, type DrawnStudy, demoWorlds, syntheticWorlds, type World} from './worlds.ts';

/** The results of many studies from one world. Shares are from 0 to 1. */
export interface VerdictRow {
  readonly world: string;
  readonly paired: boolean;
  readonly seeds: number;
  readonly studies: number;
  readonly comparisons: number;
  /** Comparisons whose own 95 % interval excludes the true difference. */
  readonly falsePerComparison: number;
  /** Studies with a false verdict, if nothing differs: corrected over the study's comparisons. */
  readonly falsePerStudy: number;
  /** Comparisons that are called better, if each method is better than the baseline by as much as the demo's. */
  readonly power: number;
  /** Comparisons with the verdict `too few seeds to say` in that case. */
  readonly tooFew: number;
  /** Median of the differences that the studies say they can find. */
  readonly detectable: number;
  /** Comparisons whose 95 % interval of the percentile bootstrap excludes the true difference. */
  readonly oldFalsePerComparison: number;
  /** Studies with such a comparison. */
  readonly oldFalsePerStudy: number;
  /** Comparisons whose percentile interval would lie above 0. */
  readonly oldPower: number;
}

export interface VerdictOptions {
  /** @default [2, 3, 5, 10] */
  readonly seeds?: readonly number[];
  /** @default 400 */
  readonly studies?: number;
  /**
   * Number of studies for which the percentile bootstrap is computed. It takes a hundred times as long.
   *
   * @default 80
   */
  readonly oldStudies?: number;
}

/** Draws studies from every world at every number of seeds. The same numbers each time. */
export function verdictRows({
  seeds = [2, 3, 5, 10],
  studies = 400,
  oldStudies = 80,
}: VerdictOptions = {}): VerdictRow[] {
  const worlds = [...demoWorlds(), ...syntheticWorlds];
  return worlds.flatMap(world => seeds.map(count => rowOf(world, count, studies, oldStudies)));
}

function rowOf(world: World, seeds: number, studies: number, oldStudies: number): VerdictRow {
  const random = seededRandom(seeds, world.name);
  const found = Array.from({length: studies}, (_, study) => {
    const drawn = world.draw(seeds, random);
    return {...judged(drawn), ...(study < oldStudies && {old: bootstrapped(drawn, study)})};
  });
  const comparisons = found.flatMap(study => study.comparisons);
  const old = found.flatMap(study => (study.old ? [study.old] : []));
  const oldComparisons = old.flat();
  return {
    ...{world: world.name, paired: world.paired, seeds, studies, comparisons: comparisons.length},
    falsePerComparison: shareOf(comparisons, ({missed}) => missed),
    falsePerStudy: shareOf(found, ({isFalse}) => isFalse),
    power: shareOf(comparisons, ({verdict}) => verdict === 'better'),
    tooFew: shareOf(comparisons, ({verdict}) => verdict === 'too few seeds to say'),
    detectable: quantile(
      comparisons.map(({detectable}) => detectable).sort((a, b) => a - b),
      0.5,
    ),
    oldFalsePerComparison: shareOf(oldComparisons, ({missed}) => missed),
    oldFalsePerStudy: shareOf(old, study => study.some(({missed}) => missed)),
    oldPower: shareOf(oldComparisons, ({above}) => above),
  };
}

function judged({methods: [baseline, ...others], truths}: DrawnStudy) {
  const differences = others.map(method => compareScores(method, baseline!));
  const moved = (by: (index: number) => number) =>
    differences.map((found, index) => ({...found, difference: found.difference - truths[index]! + by(index)}));
  const equal = moved(() => 0);
  const better = judge(moved(index => truths[index]! || DEMO_EFFECT));
  return {
    isFalse: judge(equal).some(({verdict}) => verdict === 'better' || verdict === 'worse'),
    comparisons: equal.map(({difference, variance}, index) => ({
      missed: Math.abs(difference) > reach(0.05, variance),
      ...better[index]!,
    })),
  };
}

function bootstrapped({methods: [baseline, ...others], truths}: DrawnStudy, seed: number) {
  return others.map(({scores}, index) => {
    const [low, high] = pairedBootstrap(scores, baseline!.scores, {seed, resamples: 400}).interval;
    const truth = truths[index]!;
    return {missed: low > truth || high < truth, above: low - truth + (truth || DEMO_EFFECT) > 0};
  });
}

function shareOf<T>(list: readonly T[], is: (one: T) => boolean): number {
  return mean(list.map(one => (is(one) ? 1 : 0)));
}

/** The rows as a table; shares in per cent, differences in percentage points. */
export function verdictTable(rows: readonly VerdictRow[]): string {
  const percent = (share: number) => (share * 100).toFixed(1).padStart(5);
  const head = 'seeds   false  a study    power  too few  detectable  |   before:  false  a study    power';
  const worlds = [...new Set(rows.map(({world}) => world))];
  return worlds
    .map(world =>
      [
        world,
        head,
        ...rows
          .filter(row => row.world === world)
          .map(row => {
            const now = [row.falsePerComparison, row.falsePerStudy, row.power, row.tooFew].map(percent);
            const before = [row.oldFalsePerComparison, row.oldFalsePerStudy, row.oldPower].map(percent);
            const detectable = (row.detectable * 100).toFixed(2).padStart(10);
            return `${String(row.seeds).padStart(5)}   ${now.join('    ')}  ${detectable}  |            ${before.join('    ')}`;
          }),
      ].join('\n'),
    )
    .join('\n\n');
}
