/** Number of equal parts of a run whose mean losses are kept. */
export const PARTS = 20;

/** The part of a run that a step belongs to. */
export function partOf(step: number, steps: number): number {
  return Math.floor((step * PARTS) / steps);
}

/**
 * A value at a moment of a run. Movement is the sum of the learning rates so far, as a share of the whole run's: a loss
 * that rests because the schedule ends at a rate of 0 has not arrived.
 */
export interface Moment {
  readonly movement: number;
  readonly value: number;
}

/** How a value changes as a run goes on. */
export interface Trend {
  /** The share of it that a run twice as long would take away, if it falls as a power of the movement: 1 − 2^−p. */
  readonly fall: number;
  /** How fast it falls in the later half of the movement, as a share of how fast it fell in the earlier half. */
  readonly pace: number;
}

/** How well a student fits the answers that it learned from, at the end of its run. `fall` and `pace` are its loss's. */
export interface Fit extends Trend {
  /** Share of the training inputs, of 1,000 at most, for which the student names the class of the answer. */
  readonly trainingAgreement: number;
  /** True if longer training may make a better student: answers are left to be learned, and the loss still falls. */
  readonly underfitted: boolean;
}

/** That of a student of several questions has means, and each question by its name. Its loss is that of all together. */
export interface JointFit extends Fit {
  /** Undefined if the student answers one question. */
  readonly questions?: Readonly<Record<string, Fit>> | undefined;
}

/** The trend counts from this share of all movement on: the start is steep in every run. */
const START = 0.4;

/** Two moments with less movement between them than this ratio say nothing about a trend. */
const LEAST_RATIO = 1.05;

/** The trend of a loss; a fall of 0 if it can't be told. */
export function trendOf(losses: readonly Moment[]): Trend {
  const logs = losses.filter(({value}) => value > 0).map(({movement, value}) => ({movement, value: Math.log(value)}));
  const [early, late] = [halfOf(losses, 0), halfOf(losses, 1)].map(
    half => -slopeOf(half, ({movement}) => movement),
  ) as [number, number];
  return {fall: 1 - 2 ** Math.min(0, lateSlopeOf(logs)), pace: early > 0 ? Math.max(0, late / early) : 0};
}

/** What a run twice as long would add to a value, if it grows with the logarithm of the movement; 0 if it can't be told. */
export function growthOf(values: readonly Moment[]): number {
  return Math.LN2 * lateSlopeOf(values);
}

function halfOf(moments: readonly Moment[], half: 0 | 1): readonly Moment[] {
  return moments.filter(({movement}) => movement >= 0.5 * half && movement <= 0.5 * (half + 1));
}

/** The slope against the logarithm of the movement, once the start is over. */
function lateSlopeOf(moments: readonly Moment[]): number {
  return slopeOf(
    moments.filter(({movement}) => movement >= START),
    ({movement}) => Math.log(movement),
  );
}

/**
 * The median of the slopes between all pairs, which outliers do not move (Theil, 1950; Sen, 1968, Estimates of the
 * regression coefficient based on Kendall's tau). 0 if there are fewer than three.
 */
function slopeOf(moments: readonly Moment[], at: (moment: Moment) => number): number {
  const slopes = moments.flatMap((one, index) =>
    moments
      .slice(index + 1)
      .filter(other => other.movement >= LEAST_RATIO * one.movement)
      .map(other => (other.value - one.value) / (at(other) - at(one))),
  );
  return slopes.length < 3 ? 0 : median(slopes);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
