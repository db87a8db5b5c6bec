import {readFileSync} from 'node:fs';

/**
 * Results of scikit-learn, SciPy and statsmodels for a seeded random case, see `test/fixtures/metrics/make-metrics.py`.
 */
export interface Reference {
  readonly classes: number;
  readonly labels: readonly number[];
  /** [500, 7], flat */
  readonly teacher: readonly number[];
  /** [500, 7], flat */
  readonly student: readonly number[];
  readonly accuracy: number;
  readonly agreement: number;
  readonly nll: number;
  readonly brier: number;
  readonly ece: number;
  readonly entropy: number;
  readonly entropyT4: number;
  readonly kl: number;
  readonly klT4: number;
  readonly overconfidence: number;
  readonly smoothing: number;
  readonly intraClassVariance: number;
  readonly relation: readonly (readonly number[])[];
  readonly relationPearson: number;
  readonly relationSpearman: number;
  readonly ties: {
    readonly x: readonly number[];
    readonly y: readonly number[];
    readonly pearson: number;
    readonly spearman: number;
  };
  readonly sample: {
    readonly values: readonly number[];
    readonly mean: number;
    readonly standardDeviation: number;
    readonly quantiles: Readonly<Record<string, number>>;
  };
  readonly mcnemar: readonly {
    readonly b: number;
    readonly c: number;
    readonly exact: number;
    readonly chiSquared: number;
  }[];
  readonly bootstrap: {
    /** For each seed, one digit per test example. */
    readonly first: readonly string[];
    readonly second: readonly string[];
    readonly difference: number;
    readonly interval: readonly [number, number];
    readonly standardError: number;
  };
  readonly holm: {readonly p: readonly number[]; readonly corrected: readonly number[]};
}

export const reference: Reference = JSON.parse(readFileSync('test/fixtures/metrics/metrics.json', 'utf8'));
