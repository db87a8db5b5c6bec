import Table from 'cli-table3';
import {mean, standardDeviation} from '../../../src/evaluate/statistics.ts';
import {type AllMeasured, type EffectName, percentOf, type Runs} from './figures.ts';

/** A claim about one effect, and if the figures support it. */
export interface Claim {
  readonly effect: string;
  readonly measured: string;
  readonly wanted: string;
  /** Undefined if it could not be measured. */
  readonly holds: boolean | undefined;
}

type Judgement = Omit<Claim, 'effect'>;

type Judge<E extends EffectName> = (runs: Runs<E>) => Judgement;

interface Said<E extends EffectName> {
  readonly says: string;
  readonly judge: Judge<E>;
}

const CLAIMS: {readonly [E in EffectName]: readonly Said<E>[]} = {
  omittedDigit: [
    {says: 'No 3s, hard labels: 3s right', judge: runs => below(runs.hardRecall, 0.3)},
    {says: 'No 3s, soft labels at T = 20: 3s right', judge: runs => atLeast(runs.softRecall, 0.65)},
    {says: 'The same with one bias: 3s right', judge: runs => atLeast(runs.biasedRecall, 0.9)},
  ],
  sevensAndEights: [
    {
      says: 'Only 7s and 8s, soft labels: errors',
      judge: runs => fewer(runs.softErrors, runs.hardErrors, 'hard labels'),
    },
    {says: 'The same with one bias: errors', judge: runs => fewer(runs.biasedErrors, runs.softErrors, 'no bias')},
  ],
  fewShot: [{says: '2,000 images, distilled', judge: runs => better(runs.distilled, runs.alone, 'true labels')}],
  mixup: [{says: 'Labels of mix-up queries', judge: runs => better(runs.mixup, runs.labels, 'labels')}],
  votes: [{says: 'Votes over noisy queries', judge: runs => better(runs.votes, runs.labels, 'labels')}],
  outOfDomain: [
    {
      says: 'Fashion asked about digits, log-probabilities',
      judge: runs => better(runs.logProbs, runs.labels, 'labels', 0.08),
    },
  ],
};

/** All claims, in order. */
export function claimsOf(measured: AllMeasured): Claim[] {
  return (Object.keys(CLAIMS) as EffectName[]).flatMap(effect => claimsOn(effect, measured));
}

function claimsOn<E extends EffectName>(effect: E, measured: AllMeasured): Claim[] {
  const result = measured[effect];
  return CLAIMS[effect].map(({says, judge}) =>
    'skipped' in result
      ? {effect: says, measured: result.skipped, wanted: '', holds: undefined}
      : {effect: says, ...judge(result.runs)},
  );
}

function below(shares: readonly number[], most: number): Judgement {
  return {measured: percentOf(shares), wanted: `below ${100 * most} %`, holds: mean(shares) < most};
}

function atLeast(shares: readonly number[], least: number): Judgement {
  return {measured: percentOf(shares), wanted: `at least ${100 * least} %`, holds: mean(shares) >= least};
}

function fewer(counts: readonly number[], others: readonly number[], than: string): Judgement {
  const shown = (values: readonly number[]) => `${mean(values).toFixed(0)} ± ${standardDeviation(values).toFixed(0)}`;
  return {
    measured: `${shown(counts)}; with ${than} ${shown(others)}`,
    wanted: `fewer than with ${than}`,
    holds: isClearlyAbove(others, counts),
  };
}

/** Judges by the differences seed by seed, because both learned from the same images. */
function better(shares: readonly number[], others: readonly number[], than: string, least = 0): Judgement {
  const differences = shares.map((share, seed) => share - others[seed]!);
  return {
    measured: `${percentOf(shares)}; ${than} ${percentOf(others)}; difference ${percentOf(differences, 'points')}`,
    wanted: least === 0 ? 'more, beyond twice its standard error' : `at least ${100 * least} points more`,
    holds: least === 0 ? isClearlyAbove(shares, others) : mean(differences) >= least,
  };
}

/** True if the mean of the paired differences is more than twice its standard error above 0. */
function isClearlyAbove(values: readonly number[], others: readonly number[]): boolean {
  const differences = values.map((value, seed) => value - others[seed]!);
  return mean(differences) > (2 * standardDeviation(differences)) / Math.sqrt(differences.length);
}

/** The claims for people. */
export function tableOf(claims: readonly Claim[]): string {
  const table = new Table({
    head: ['effect', 'measured, mean ± deviation', 'wanted', 'holds'],
    style: {head: [], border: []},
  });
  const words = new Map([
    [true, 'yes'],
    [false, 'NO'],
    [undefined, 'skipped'],
  ]);
  for (const {effect, measured, wanted, holds} of claims) table.push([effect, measured, wanted, words.get(holds)!]);
  return table.toString();
}
