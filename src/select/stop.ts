import type {ExpectedGain} from './gain.ts';
import type {ShareInterval} from './measure-round.ts';

/** What ends a selection before the most inputs are asked about. */
export interface StopRules {
  /**
   * From 0 to 1: it ends when the lower end of the agreement's interval reaches this.
   *
   * @default none
   */
  readonly agreement?: number;
  /**
   * From 0 to 1, 0.001 being a tenth of a percentage point: it ends when after two rounds in a row the next 100 calls are
   * expected to buy less.
   *
   * @default none
   */
  readonly gain?: number;
}

/** Why a selection ended: the most inputs were asked about, a rule of `StopRules`, no input is left, or no budget. */
export type StopReason = 'most' | 'agreement' | 'gain' | 'pool' | 'budget';

/** What the rules look at. */
export interface Standing {
  readonly agreement: ShareInterval;
  readonly gain: ExpectedGain | undefined;
  /** Of the round before. */
  readonly gainBefore: ExpectedGain | undefined;
  /** How many more inputs may be asked about. */
  readonly left: number;
  /** How many inputs were not asked about. */
  readonly unasked: number;
  /** True if inputs were left without an answer since the budget was at its end. */
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
