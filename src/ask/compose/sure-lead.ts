import {InputError} from '../../errors.ts';
import {VOTE_SMOOTHING} from '../../knowledge/smoothing.ts';
import {logGamma} from '../../statistics/distributions.ts';
import type {Teacher} from '../../teacher.ts';

/** The rule for when votes are clear. */
export interface StopRule {
  /**
   * The least probability, between 0.5 and 1, that the class with most votes would have most of any number of votes;
   * see `leadProbability`. If all votes are for one class, 0.95 takes 3 votes with two classes, 5 with five, 6 with
   * ten.
   */
  readonly sure: number;
  /**
   * The fewest samples of each query.
   *
   * @default 4
   */
  readonly least?: number;
}

/** @throws InputError if the rule is out of its range, or would never stop anything */
export function checkStop(teacher: Teacher, samples: number, {sure, least}: Required<StopRule>): void {
  if (!(sure > 0.5 && sure < 1)) {
    throw new InputError(`Expected \`stop.sure\` to be above 0.5 and below 1, got ${sure}.`);
  }
  if (!Number.isSafeInteger(least) || least < 1 || least >= samples) {
    throw new InputError(
      `Expected \`stop.least\` to be a whole number from 1 and below \`samples\`, ${samples}, got ${least}.`,
    );
  }
  if (teacher.detail.kind === 'label' || teacher.detail.kind === 'votes') return;
  throw new InputError(`Teacher ${teacher.name} shows distributions, and \`stop\` looks at votes. Leave it out.`);
}

/** True if the class with most votes is the most frequent one with at least this probability. */
export function leadsSurely(counts: ArrayLike<number>, sure: number): boolean {
  return leadProbability(counts) >= sure;
}

/**
 * The least probability that the class with most votes is truly the most frequent one, under the posterior whose mean
 * smoothed votes are: Dirichlet(n + ½). Between two classes alone the share of one is Beta(a, b), so another class j is
 * more frequent than the leading one with probability I_½(n_lead + ½, n_j + ½). By Boole's inequality, the probability
 * that any other class is more frequent is at most the sum. That is exact for two classes, and a close bound for more,
 * because two others are hardly ever both ahead. A posterior holds whenever one stops to look at it (Berger, 1985,
 * section 7.7).
 *
 * @param counts - votes by class
 */
export function leadProbability(counts: ArrayLike<number>): number {
  let lead = 0;
  for (let index = 1; index < counts.length; index++) if (counts[index]! > counts[lead]!) lead = index;
  let doubt = 0;
  for (let index = 0; index < counts.length; index++) {
    if (index !== lead) doubt += betaBelowHalf(counts[lead]! + VOTE_SMOOTHING, counts[index]! + VOTE_SMOOTHING);
  }
  return Math.max(0, 1 - doubt);
}

/**
 * I_½(a, b), the probability that a Beta(a, b) variable is below ½, for a ≥ b > 0. Computed by the series of DLMF
 * 8.17.8, all of whose terms are positive: ½^(a+b) / (a B(a, b)) · Σ_n Π_{m<n} (a + b + m) / (a + 1 + m) · ½.
 */
export function betaBelowHalf(a: number, b: number): number {
  const first = Math.exp(logGamma(a + b) - logGamma(a + 1) - logGamma(b) - (a + b) * Math.LN2);
  let [sum, term] = [1, 1];
  for (let n = 0; term > 1e-17 * sum; n++) {
    term *= (a + b + n) / (a + 1 + n) / 2;
    sum += term;
  }
  return first * sum;
}
