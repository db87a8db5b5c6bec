import {KnowledgeError} from '../errors.ts';
import type {TopKAnswers} from '../knowledge/answers.ts';
import {shareOfUnnamed} from '../knowledge/unnamed-share.ts';

/** Top-k answers as whole distributions. */
export interface FilledRest {
  /** [count, classes]; each row is a distribution. */
  readonly logProbabilities: Float32Array;
  /** [count, classes]; 1 if the answer names the class, else 0. */
  readonly named: Float32Array;
}

/**
 * Spreads the rest r of each top-k answer evenly over the classes that it does not name: r / (K − k) each, at most the
 * smallest probability that it names (a class above that would have been named), and at least 1e-8 of the total. Then
 * it renormalises. This happens before any temperature, so that every temperature is right: softening the rest as a
 * single class would give a different result than softening its classes.
 *
 * A rest that is negative because of rounding counts as 0. A class named with probability 0 counts as not named.
 *
 * @throws KnowledgeError if an answer gives no class any probability
 */
export function fillRest(answers: TopKAnswers, classes: number): FilledRest {
  const size = answers.count * classes;
  const filled = {logProbabilities: new Float32Array(size), named: new Float32Array(size)};
  for (let row = 0; row < answers.count; row++) fillRow(answers, row, classes, filled);
  return filled;
}

function fillRow(answers: TopKAnswers, row: number, classes: number, {logProbabilities, named}: FilledRest): void {
  const {smallest, mass, count} = namedMass(answers, row);
  if (count === 0) {
    throw new KnowledgeError(`Answer ${row} names no class with a probability above 0. Ask the teacher again.`);
  }
  const unnamed = classes - count;
  const each = shareOfUnnamed({rest: answers.rest[row]!, unnamed, smallest});
  const logTotal = Math.log(mass + each * unnamed);
  const start = row * classes;
  logProbabilities.fill(Math.log(each) - logTotal, start, start + classes);
  for (let index = row * answers.k; index < (row + 1) * answers.k; index++) {
    if (!isNamed(answers, index)) continue;
    const target = start + answers.classes[index]!;
    logProbabilities[target] = answers.logProbabilities[index]! - logTotal;
    named[target] = 1;
  }
}

function namedMass(answers: TopKAnswers, row: number): {smallest: number; mass: number; count: number} {
  let [smallest, mass, count] = [1, 0, 0];
  for (let index = row * answers.k; index < (row + 1) * answers.k; index++) {
    if (!isNamed(answers, index)) continue;
    const probability = Math.exp(answers.logProbabilities[index]!);
    smallest = Math.min(smallest, probability);
    mass += probability;
    count++;
  }
  return {smallest, mass, count};
}

/** The unused elements of a row with fewer than k classes also have a probability of 0. */
function isNamed({logProbabilities}: TopKAnswers, index: number): boolean {
  return Math.exp(logProbabilities[index]!) > 0;
}
