import type {Setting} from '../recipe/settings.ts';
import type {ExpectedGain} from '../select/curve.ts';
import type {ShareInterval, StopReason} from '../select/round.ts';

/** The choice among several students that a run made. */
export interface StudentChoice {
  /** Index in `candidates`. */
  readonly chosen: number;
  /** In the order of the recipe. */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly name: string;
  readonly parameters: number;
  /**
   * In cross-validation, the share of the method's answers that the student agreed with while it learned from others. That
   * of the one chosen is a little too high: it is the highest of several.
   */
  readonly agreement: number;
}

/** How a method chose its inputs in rounds. */
export interface MethodSelection {
  /** Name of the strategy. */
  readonly by: string;
  readonly rounds: readonly RoundResult[];
}

/** The result of one round of a selection. */
export interface RoundResult {
  /** From 1. */
  readonly round: number;
  /** Answers so far, held-out and calibration answers included. */
  readonly answers: number;
  /** Number of held-out answers. */
  readonly held: number;
  /** How often this round's student agrees with the teacher on the held-out inputs. */
  readonly agreement: ShareInterval;
  /** What the next 100 calls were expected to buy; absent after the first round. */
  readonly gain?: ExpectedGain | undefined;
  /** Why no round follows; absent if one does. */
  readonly stopped?: StopReason | undefined;
}

/** How T and λ of a method were chosen. */
export interface Tuning {
  readonly judgedBy: 'validation accuracy' | 'agreement in cross-validation';
  /** Names of the terms, in the order of each setting's weights. */
  readonly terms: readonly string[];
  /** Index in `settings`. */
  readonly chosen: number;
  /** All that were tried. */
  readonly settings: readonly Setting[];
  /** By temperature, then by rung of successive halving, then by index. */
  readonly trials: readonly Trial[];
}

/** One training by one setting. */
export interface Trial {
  /** Index in the settings. */
  readonly setting: number;
  readonly epochs: number;
  /** A share; null if the training came to nothing. */
  readonly score: number | null;
  readonly curve: readonly CurvePoint[];
  /** Why the training came to nothing. */
  readonly failure?: string;
}

export interface CurvePoint {
  readonly epoch: number;
  readonly step: number;
  /** Mean training loss of the epoch. */
  readonly loss: number;
  /** Measured on validation; null if it was not. */
  readonly validationAccuracy: number | null;
}
