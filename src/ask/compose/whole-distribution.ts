import {coarsen} from '../../knowledge/coarsen.ts';
import {smoothVotes} from '../../knowledge/smooth-votes.ts';
import {LEAST_PROBABILITY, shareOfUnnamed} from '../../knowledge/unnamed-share.ts';
import type {Answer, TopKAnswer} from '../../teacher.ts';

/**
 * An answer as a distribution over all classes, none of them impossible: votes smoothed, the rest of top-k answers spread
 * over the classes that they don't name.
 *
 * @param answer - anything but a label
 * @returns log-probabilities, up to a constant; all finite
 */
export function wholeDistribution(answer: Answer, classes: number): Float32Array {
  if (answer.kind === 'votes') return smoothVotes(answer.counts, classes);
  if (answer.kind === 'top-k') return withRestSpread(answer, classes);
  const {logProbabilities} = coarsen(answer, {kind: 'log-probabilities'}, classes);
  const least = logProbabilities.filter(Number.isFinite).reduce((low, value) => Math.min(low, value), LEAST);
  return logProbabilities.map(value => (Number.isFinite(value) ? value : least));
}

const LEAST = Math.log(LEAST_PROBABILITY);

function withRestSpread({classes: named, logProbabilities, rest}: TopKAnswer, classes: number): Float32Array {
  // A class that is named with a probability of 0 counts as not named.
  const places = [...named.keys()].filter(place => Math.exp(logProbabilities[place]!) > 0);
  const smallest = Math.exp(Math.min(0, ...places.map(place => logProbabilities[place]!)));
  const share = shareOfUnnamed({rest, unnamed: classes - places.length, smallest});
  const whole = new Float32Array(classes).fill(Math.log(share));
  for (const place of places) whole[named[place]!] = logProbabilities[place]!;
  return whole;
}
