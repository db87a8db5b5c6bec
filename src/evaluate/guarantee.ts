import {InputError} from '../errors.ts';
import {upperBound} from '../statistics/bounds.ts';
import type {Guarantee} from '../student/student.ts';
import {judgedAnswers} from './calibration.ts';

// A guarantee of a cascade: the student answers if it is sure, and its teacher answers everything else.
//
// At threshold t a request costs ℓ(t) = 1 if the student's confidence is t or more and its class is not the teacher's,
// and 0 otherwise. The risk R(t) is the mean of ℓ(t) over all requests, those that the teacher answers included. The
// goal is R(t) ≤ α with probability at least 1 − δ, α = 1 − agreement and δ = 1 − confidence.
//
// Method. Let k(t) be the sum of ℓ(t) over n calibration answers. A hypothesis "R(t) > α" is rejected if the exact
// upper bound (Clopper and Pearson, 1934) on a probability, given k(t) events in n trials, is at most α at error δ. The
// hypotheses are tested for all real t, from strict to lenient, up to the first that is not rejected. The last rejected
// threshold is used. This is fixed-sequence testing (Angelopoulos, Bates, Candès, Jordan and Lei, 2021, "Learn then
// Test", section 2.3): the tests share no error among them.
//
// Theorem. Let requests and calibration answers be exchangeable, and let the student (its weights, its temperature, and
// its choice among several) be made without the calibration answers. Then the chosen threshold t̂ has R(t̂) ≤ α with
// probability at least 1 − δ.
//
// Proof. Given the student, the n losses at a fixed t are independent with mean R(t), so a fixed false hypothesis is
// rejected with probability δ at most. Neither R(t) nor k(t) grows with t. Let t* be the supremum of all t with R(t) >
// α. An error, R(t̂) > α, needs t̂ ≤ t*. If R(t*) > α, then k(t*) ≤ k(t̂), so that the one false hypothesis at t* is
// rejected as well: δ at most. Otherwise t̂ < t*; for fixed t that rise to t*, the events t̂ ≤ t rise to the error, and
// each needs the false hypothesis at its t to be rejected: δ at most, and so in the limit.
//
// The sequence of thresholds is fixed beforehand, since it is all of them. k(t) changes at confidences of calibration
// answers alone, so it is enough to look there, and answers of one confidence stand or fall together. Drawn without
// replacement from a finite set, k(t) is hypergeometric, whose tails are lighter still.
//
// The guarantee does not cover: a single class, a slice of the requests, or one user; a world that has changed since;
// the best of several students, if it is chosen by their guarantees; a student that is trained again on the calibration
// answers, or on traffic that a threshold of theirs chose and calibrated by the same ones. R is the share in the long
// run: the next thousand requests are a sample of it. The teacher's noise counts as disagreement: a teacher that
// contradicts itself on 2 % of requests uses up most of 3 %. A drawn input that the teacher left without an answer
// counts as a disagreement, whatever the student's confidence is.

/** The promise of a cascade. */
export interface CascadeTarget {
  /** Share of all requests on which it must agree with the teacher, below 1. */
  readonly agreement: number;
  /** Probability of keeping the promise, over the draw of the answers, above 0 and below 1. */
  readonly confidence: number;
}

/** A threshold above any confidence: the student answers nothing itself. */
export const NOTHING_LOCAL = 2;

/**
 * The most disagreements among a number of calibration answers that still prove the target.
 *
 * @returns -1 if even 0 disagreements don't prove it
 */
export function allowedDisagreements(answers: number, target: CascadeTarget): number {
  return largest(-1, answers, disagreements => proves(disagreements, answers, target));
}

/**
 * The fewest calibration answers that prove the target in spite of a number of disagreements. For example, 99 answers
 * with no disagreement prove 97 % agreement with 95 % probability.
 *
 * @throws InputError if no number does
 *
 * @example
 * ```ts
 * import {answersNeeded} from 'limbeck/metrics';
 *
 * export const needed = answersNeeded(0, {agreement: 0.97, confidence: 0.95}); // 99
 * ```
 */
export function answersNeeded(disagreements: number, target: CascadeTarget): number {
  if (!(target.agreement < 1 && target.confidence < 1)) {
    throw new InputError(
      `No number of answers proves an agreement of ${target.agreement} with probability ${target.confidence}. Give shares below 1.`,
    );
  }
  let enough = disagreements + 1;
  while (!proves(disagreements, enough, target)) enough *= 2;
  return 1 + largest(disagreements, enough - 1, answers => !proves(disagreements, answers, target));
}

function proves(disagreements: number, answers: number, {agreement, confidence}: CascadeTarget): boolean {
  return upperBound(disagreements, answers, 1 - confidence) <= 1 - agreement;
}

/** The largest number up to `most` that holds. `known` must hold, and so must all numbers before one that holds. */
function largest(known: number, most: number, holds: (value: number) => boolean): number {
  let [low, high] = [known, most];
  while (low < high) {
    const middle = Math.floor((low + high + 1) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Default share of the answers that calibrate. */
const SHARE = 0.15;

/** Largest share of the answers that calibrate. */
export const MOST_SHARE = 0.5;

/**
 * Number of the answers that calibrate: about 15 %, which let students answer most locally if 500 to 5,000 answers were
 * bought. It is more if that is too few to prove anything, but at most half. It is rounded to the fewest answers that
 * allow some number of disagreements.
 *
 * @param target - undefined if nothing is promised
 * @param share - exact share to use instead, from 0 to 0.5
 * @returns 0 if there are too few answers to prove anything, or nothing to prove
 */
export function calibrationSize(answers: number, target: CascadeTarget | undefined, share?: number): number {
  if (target === undefined) return 0;
  const least = answersNeeded(0, target);
  const most = Math.floor((share ?? MOST_SHARE) * answers);
  if (most < least || share !== undefined) return most < least ? 0 : most;
  const wanted = Math.max(least, Math.round(SHARE * answers));
  const allowed = allowedDisagreements(wanted, target);
  const [fewer, more] = [answersNeeded(allowed, target), answersNeeded(allowed + 1, target)];
  return more - wanted < wanted - fewer && more <= most ? more : fewer;
}

/** Number of further answers that are needed to prove the target. */
export function answersShort(answers: number, target: CascadeTarget, share: number = MOST_SHARE): number {
  return Math.max(0, Math.ceil(answersNeeded(0, target) / share) - answers);
}

/** A threshold with its promise. */
export interface Certified {
  readonly threshold: number;
  readonly guarantee: Guarantee;
}

export interface CertifyOptions extends CascadeTarget {
  /** T, fitted to none of the calibration answers. */
  readonly temperature: number;
  /**
   * Number of inputs that were drawn like the others but have no answer. Each counts as a disagreement.
   *
   * @default 0
   */
  readonly unanswered?: number;
}

/**
 * The lowest threshold at which a cascade keeps its promise.
 *
 * @param logits - [answers, classes], row-major, of the student about the inputs of the calibration answers
 * @param labels - [answers], the teacher's classes
 * @returns from 0, at which the student answers everything, to `NOTHING_LOCAL`
 */
export function certify(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {temperature, agreement, confidence, unanswered = 0}: CertifyOptions,
): Certified {
  const judged = judgedAnswers(logits, labels, classes, temperature).sort((a, b) => b.confidence - a.confidence);
  const answers = judged.length + unanswered;
  const allowed = allowedDisagreements(answers, {agreement, confidence});
  let [wrong, sure, disagreements, threshold] = [unanswered, 0, unanswered, NOTHING_LOCAL];
  for (const [index, answer] of judged.entries()) {
    wrong += answer.agrees ? 0 : 1;
    if (wrong > allowed) break;
    if (answer.confidence === judged[index + 1]?.confidence) continue;
    [sure, disagreements, threshold] = [index + 1, wrong, answer.confidence];
  }
  const promise = {agreement, confidence, answers, disagreements};
  if (sure === 0) return {threshold, guarantee: {...promise, localShare: 0, bound: 0}};
  const bound = upperBound(disagreements, answers, 1 - confidence);
  // Any threshold down to the next confidence that was seen loses nothing more.
  return {
    threshold: sure === judged.length ? 0 : threshold,
    guarantee: {...promise, localShare: sure / answers, bound},
  };
}
