import {cosineOf, sameValues} from '../data/arrays.ts';
import {coarsen, namedBy} from '../knowledge/coarsen.ts';
import type {Answer} from '../teacher.ts';

export interface AnswerChange {
  /**
   * True if the best class has changed, or the level that is nearest to an expected level, or a vector has turned by more
   * than rounding turns it.
   */
  readonly flipped: boolean;
  /**
   * KL(before || after) in nats, if both answers show a distribution. Classes that only one of them names are merged
   * with the classes that neither names, so it is never more than the KL of the whole distributions.
   */
  readonly kl?: number;
}

/** The least probability of a class in the later answer: a class that was rounded to nothing was not ruled out. */
const LEAST = 1e-9;

/** The least cosine of two vectors that count as the same: rounding turns a vector by less. Chosen, not measured. */
const SAME_DIRECTION = 0.999;

/**
 * Compares an answer with an earlier one to the same query.
 */
export function compareAnswers(before: Answer, after: Answer): AnswerChange {
  if (before.kind === 'vector' || after.kind === 'vector') return {flipped: !isSameDirection(before, after)};
  const flipped = namedBy(before) !== namedBy(after);
  const [p, q] = [probabilities(before), probabilities(after)];
  return p && q ? {flipped, kl: divergence(p, q)} : {flipped};
}

function isSameDirection(before: Answer, after: Answer): boolean {
  if (before.kind !== 'vector' || after.kind !== 'vector' || before.values.length !== after.values.length) return false;
  // Vectors of zeros have no direction.
  return sameValues(before.values, after.values) || cosineOf(before.values, after.values) >= SAME_DIRECTION;
}

/** Probabilities by class, for the classes that the answer names. */
function probabilities(answer: Answer): ReadonlyMap<number, number> | undefined {
  if (answer.kind === 'top-k') {
    return new Map([...answer.classes].map((name, index) => [name, Math.exp(answer.logProbabilities[index]!)]));
  }
  if (answer.kind !== 'log-probabilities' && answer.kind !== 'logits') return undefined;
  const {logProbabilities} = coarsen(answer, {kind: 'log-probabilities'});
  return new Map([...logProbabilities].map((logProbability, index) => [index, Math.exp(logProbability)]));
}

function divergence(p: ReadonlyMap<number, number>, q: ReadonlyMap<number, number>): number {
  let [sum, restP, restQ] = [0, 1, 1];
  for (const [name, before] of p) {
    const after = q.get(name);
    if (after === undefined) continue;
    sum += term(before, after);
    restP -= before;
    restQ -= after;
  }
  // Rounding can leave less than nothing, both in the rest and in the sum.
  return Math.max(0, sum + term(Math.max(0, restP), Math.max(0, restQ)));
}

function term(before: number, after: number): number {
  return before === 0 ? 0 : before * Math.log(before / Math.max(after, LEAST));
}
