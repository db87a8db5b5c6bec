import {mean, standardDeviation} from '../../../src/evaluate/statistics.ts';

/** The figures of each effect. Recalls and accuracies are shares, errors a count of the test images. */
export const FIGURES = {
  omittedDigit: ['hardRecall', 'softRecall', 'biasedRecall'],
  sevensAndEights: ['hardErrors', 'softErrors', 'biasedErrors'],
  fewShot: ['alone', 'distilled'],
  mixup: ['labels', 'mixup'],
  votes: ['labels', 'votes'],
  outOfDomain: ['labels', 'logProbs'],
} as const;

export type EffectName = keyof typeof FIGURES;

type FiguresOf<E extends EffectName, T> = Readonly<Record<(typeof FIGURES)[E][number], T>>;

/** Each figure of an effect, seed by seed, in the same order of seeds. */
export type Runs<E extends EffectName> = FiguresOf<E, readonly number[]>;

/** The result of an effect, or the reason why it could not be measured here. */
export type Measured<E extends EffectName> =
  | {
      readonly runs: Runs<E>;
      /** The settings of the measurement, and the choices on validation. */
      readonly settings: Readonly<Record<string, unknown>>;
      /** The gist of the settings, for people. */
      readonly note: string;
    }
  | {readonly skipped: string};

export type AllMeasured = {readonly [E in EffectName]: Measured<E>};

export type Figures = {readonly [E in EffectName]: FiguresOf<E, number> | null};

/** Means over the seeds; null for skipped effects. */
export function meansOf(measured: AllMeasured): Figures {
  return eachFigure(measured, mean);
}

/** Sample standard deviations over the seeds; null for skipped effects. */
export function spreadsOf(measured: AllMeasured): Figures {
  return eachFigure(measured, standardDeviation);
}

function eachFigure(measured: AllMeasured, statistic: (values: readonly number[]) => number): Figures {
  const entries = Object.entries(measured).map(([effect, result]) => {
    if ('skipped' in result) return [effect, null];
    const figures = Object.entries<readonly number[]>(result.runs).map(([name, values]) => [name, statistic(values)]);
    return [effect, Object.fromEntries(figures)];
  });
  return Object.fromEntries(entries) as Figures;
}

/** Mean and sample standard deviation of shares, for people. */
export function percentOf(shares: readonly number[], unit = '%'): string {
  return `${(100 * mean(shares)).toFixed(2)} ± ${(100 * standardDeviation(shares)).toFixed(2)} ${unit}`;
}

/** The content of the JSON: the means and the data behind them. */
export interface Report extends Figures {
  /** Standard deviations, in the same shape as the means. */
  readonly spread: Figures;
  /** The settings of the run; then, by effect, its settings and its figures seed by seed. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** @param common - settings of all effects, such as the seeds */
export function reportOf(measured: AllMeasured, common: Readonly<Record<string, unknown>>): Report {
  const details = Object.entries(measured).map(([effect, result]) => {
    if ('skipped' in result) return [effect, result];
    const {note: _, ...rest} = result;
    return [effect, rest];
  });
  return {
    ...meansOf(measured),
    spread: spreadsOf(measured),
    settings: {...common, ...Object.fromEntries(details)},
  };
}
