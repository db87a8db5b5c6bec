import {readFileSync} from 'node:fs';
import {expect} from 'vitest';

/** Inputs and what scikit-learn and SciPy make of them, see `test/fixtures/metrics/make-typed.py`. */
interface Case<Input, Output> {
  readonly in: Input;
  readonly out: Output;
}

type Rows = readonly (readonly number[])[];
type Known = number | null;

interface Cases {
  readonly multilabel: readonly Case<
    {readonly Y: Rows; readonly H: Rows},
    Readonly<Record<'precision' | 'recall' | 'f1' | 'yes' | 'agreement', readonly number[]>> &
      Readonly<
        Record<'microPrecision' | 'microRecall' | 'microF1' | 'macroF1' | 'subsetAccuracy' | 'hammingLoss', number>
      >
  >[];
  readonly ranking: readonly Case<
    {readonly Y: Rows; readonly S: Rows},
    {
      readonly averagePrecision: readonly Known[];
      readonly mAP: Known;
      readonly auroc: readonly Known[];
      readonly macroAuroc: Known;
    }
  >[];
  readonly ordinal: readonly Case<
    {
      readonly t: readonly number[];
      readonly h: readonly number[];
      readonly K: number;
      readonly et?: readonly number[];
      readonly es?: readonly number[];
    },
    Readonly<Record<'exact' | 'withinOne' | 'mae' | 'rmse' | 'bias' | 'quadraticKappa' | 'spearman', Known>> & {
      readonly expected?: Readonly<Record<'mae' | 'rmse' | 'bias' | 'spearman', Known>>;
    }
  >[];
  readonly soft: readonly Case<
    {readonly q: Rows; readonly p: Rows},
    Readonly<Record<'kl' | 'entropy' | 'totalVariation' | 'brier' | 'rps' | 'wasserstein1' | 'top1', number>> & {
      readonly expected: readonly number[];
      readonly median: readonly number[];
    }
  >[];
  readonly ece: readonly Case<
    {readonly conf: readonly number[]; readonly ok: readonly number[]; readonly bins: number},
    number
  >[];
}

const cases: Cases = JSON.parse(readFileSync('test/fixtures/metrics/typed.json', 'utf8'));

/** The cases of one kind, each with its number for the test's name. */
export const typedCases = <K extends keyof Cases>(kind: K): (readonly [number, Cases[K][number]])[] =>
  cases[kind].map((each, index) => [index, each] as const);

/** The same number to 1e-10; what has no value elsewhere is NaN here. */
export const near = (value: Known): number =>
  value === null || Number.isNaN(value) ? Number.NaN : expect.closeTo(value, 10);
