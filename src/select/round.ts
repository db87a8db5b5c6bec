import type {Missing} from '../ask/collect.ts';
import {argmaxRows} from '../data/arrays.ts';
import {wilson} from '../evaluate/audit.ts';
import {mean} from '../evaluate/statistics.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import type {ExpectedGain} from './curve.ts';

/** The result of one round of a selection. */
export interface SelectionRound {
  /** Number of the round, from 1. */
  readonly round: number;
  /** Number of inputs that this round asked about, or would have asked about with more budget. */
  readonly asked: number;
  /** All answers so far, held-out and calibration answers included, in the order in which their inputs were chosen. */
  readonly knowledge: Knowledge;
  /** [answers so far], indices of their inputs in the pool. */
  readonly rows: Int32Array;
  /** Number of held-out answers. */
  readonly held: number;
  /**
   * How often this round's student agrees with the teacher on the held-out inputs. It learned from all answers that are
   * neither held out nor for calibration. Undefined if this is the only round: no student is trained, since none chooses.
   */
  readonly agreement: ShareInterval | undefined;
  /** The expected gain of the next 100 calls; undefined after the first round. */
  readonly gain: ExpectedGain | undefined;
  /** Inputs of this round that were left without an answer, by their indices in the pool. They are not chosen again. */
  readonly missing: readonly Missing[];
  /** The reason why no round follows; undefined if one does. */
  readonly stopped?: StopReason | undefined;
}

const REASONS: Readonly<Record<StopReason, string>> = {
  most: 'as many inputs as were allowed have been asked about',
  agreement: 'the agreement that was wanted is reached',
  gain: 'twice in a row the next 100 calls were expected to buy less than was wanted',
  pool: 'no input is left to ask about',
  budget: 'the budget is at its end',
};

/** Why a selection ended, for people: the rest of a sentence. */
export function describeStop(reason: StopReason): string {
  return REASONS[reason];
}

/** One line about a round, for people. */
export function describeRound({round, rows, held, agreement, gain, stopped}: SelectionRound): string {
  const measured = agreement
    ? `agreement ${percent(agreement.share)} % ${between(agreement.interval)} on ${held} held out`
    : 'in one round, so that no student had to choose';
  const end = stopped ? `. It ends here: ${describeStop(stopped)}.` : '.';
  return `Round ${round}: ${rows.length.toLocaleString('en-US')} answers, ${measured}${next(gain, stopped)}${end}`;
}

function next(gain: ExpectedGain | undefined, stopped: StopReason | undefined): string {
  if (gain === undefined) return stopped ? '' : '; what the next calls buy is known after the next round';
  const points = `+${percent(gain.gain)} points ${between(gain.interval)}`;
  return `; the next ${gain.calls} calls are expected to buy ${points}`;
}

function between([low, high]: readonly [low: number, high: number]): string {
  return `(95 % interval ${percent(low)} to ${percent(high)})`;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}

/** An estimated share, from 0 to 1. */
export interface ShareInterval {
  readonly share: number;
  /** 95 % interval. */
  readonly interval: readonly [low: number, high: number];
}

/**
 * How often students name the teacher's class for inputs that they did not learn from.
 *
 * @returns [inputs], the share of the students that do
 */
export async function agreementsOf(
  students: readonly Student[],
  {inputs, answers, classes}: Knowledge,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const {labels} = targetsOf(answers, classes.length);
  const agrees = new Float64Array(labels.length);
  for (const student of students) {
    const named = argmaxRows(await predictLogits(student, inputs, {signal}), classes.length);
    for (const [row, label] of named.entries()) if (label === labels[row]) agrees[row]! += 1 / students.length;
  }
  return agrees;
}

/** The share for inputs like these. */
export function shareOf(agrees: Float64Array): ShareInterval {
  const share = mean(agrees);
  return {share, interval: wilson(share, agrees.length)};
}

/** Rules that end a selection before the most inputs are asked about. */
export interface StopRules {
  /**
   * From 0 to 1. The selection ends when the lower end of the agreement's interval reaches this.
   *
   * @default none
   */
  readonly agreement?: number;
  /**
   * From 0 to 1; 0.001 is a tenth of a percentage point. The selection ends when two rounds in a row expect a smaller
   * gain from the next 100 calls.
   *
   * @default none
   */
  readonly gain?: number;
}

/** Why a selection ended: the most inputs were asked about, a rule of `StopRules`, no input is left, or no budget. */
export type StopReason = 'most' | 'agreement' | 'gain' | 'pool' | 'budget';

/** The state that the rules look at. */
export interface Standing {
  /** Undefined if it was not measured. */
  readonly agreement: ShareInterval | undefined;
  readonly gain: ExpectedGain | undefined;
  /** The gain that the round before expected. */
  readonly gainBefore: ExpectedGain | undefined;
  /** Number of inputs that may still be asked about. */
  readonly left: number;
  /** Number of inputs that were not asked about. */
  readonly unasked: number;
  /** True if inputs were left without an answer because the budget was at its end. */
  readonly isUnpaid: boolean;
}

/** Why no round comes after this one; undefined if one does. */
export function stopReason(
  {agreement, gain, gainBefore, left, unasked, isUnpaid}: Standing,
  rules: StopRules,
): StopReason | undefined {
  if (rules.agreement !== undefined && agreement && agreement.interval[0] >= rules.agreement) return 'agreement';
  const isLittle = (of: ExpectedGain | undefined): boolean => of !== undefined && of.gain < (rules.gain ?? 0);
  if (isLittle(gainBefore) && isLittle(gain)) return 'gain';
  if (isUnpaid) return 'budget';
  if (left === 0) return 'most';
  return unasked === 0 ? 'pool' : undefined;
}
