import type {Missing} from '../ask/collect.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {ExpectedGain} from './gain.ts';
import type {ShareInterval} from './measure-round.ts';
import type {StopReason} from './stop.ts';

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
   * neither held out nor for calibration.
   */
  readonly agreement: ShareInterval;
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

/** One line about a round, for people. */
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
