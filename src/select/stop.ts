import type {ExpectedGain} from './gain.ts';
import type {ShareInterval} from './measure-round.ts';

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
  readonly agreement: ShareInterval;
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
  if (rules.agreement !== undefined && agreement.interval[0] >= rules.agreement) return 'agreement';
  const isLittle = (of: ExpectedGain | undefined): boolean => of !== undefined && of.gain < (rules.gain ?? 0);
  if (isLittle(gainBefore) && isLittle(gain)) return 'gain';
  if (isUnpaid) return 'budget';
  if (left === 0) return 'most';
  return unasked === 0 ? 'pool' : undefined;
}
