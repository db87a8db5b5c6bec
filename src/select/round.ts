import type {Missing} from '../ask/collect.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {ExpectedGain} from './gain.ts';
import type {ShareInterval} from './measure-round.ts';
import type {StopReason} from './stop.ts';

/** What one round of a selection came to. */
export interface SelectionRound {
  /** Counts from 1. */
  readonly round: number;
  /** How many inputs this round asked about, or would have with more budget. */
  readonly asked: number;
  /** All answers so far, those held out and those to calibrate by among them, in the order in which they were chosen. */
  readonly knowledge: Knowledge;
  /** [answers so far], the places of their inputs in the pool. */
  readonly rows: Int32Array;
  /** How many of the answers are held out. */
  readonly held: number;
  /**
   * How often this round's student, which learned from all answers that are neither held out nor to calibrate by, agrees
   * with the teacher on those held out.
   */
  readonly agreement: ShareInterval;
  /** What the next 100 calls are expected to buy; undefined after the first round. */
  readonly gain: ExpectedGain | undefined;
  /** Inputs of this round that were left without an answer, by their places in the pool. They are not chosen again. */
  readonly missing: readonly Missing[];
  /** Where no round comes after this one, why. */
  readonly stopped?: StopReason;
}

const REASONS: Readonly<Record<StopReason, string>> = {
  most: 'as many inputs as were allowed have been asked about',
  agreement: 'the agreement that was wanted is reached',
  gain: 'twice in a row the next 100 calls were expected to buy less than was wanted',
  pool: 'no input is left to ask about',
  budget: 'the budget is at its end',
};

/** A round for people, in one line. */
export function describeRound({round, rows, held, agreement, gain, stopped}: SelectionRound): string {
  const measured = `agreement ${percent(agreement.share)} % ${between(agreement.interval)} on ${held} held out`;
  const end = stopped ? `. It ends here: ${REASONS[stopped]}.` : '.';
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
