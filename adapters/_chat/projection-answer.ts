/** Arithmetic of log-probabilities that the ways to score labels share. */
import type {TopKAnswer} from '../../src/teacher.ts';

/** How far above 1 a probability, or a sum of them, may be: services round, some to two or three digits. */
const SLACK = 0.02;

/** Services write this, or less, for what is below the least that they tell. */
const UNTOLD = -9999;

/** Whether a value is a log-probability and not a stand-in for one that isn't told. */
export function isTold(logProbability: number | undefined): logProbability is number {
  return logProbability !== undefined && logProbability > UNTOLD;
}

/** Of nothing it is -Infinity. */
export function logSumExp(values: readonly number[]): number {
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (most === Number.NEGATIVE_INFINITY) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** Log-probabilities of events that exclude each other, scaled down to a sum of 1 where rounding has it above. */
export function withinOne(logs: readonly number[]): readonly number[] | string {
  const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (most > SLACK) {
    return `The service gives logits in the place of log-probabilities: one is ${most.toPrecision(4)}, and none can be above 0. Have it give log-probabilities; vLLM does with \`--logprobs-mode raw_logprobs\`.`;
  }
  const total = logSumExp(logs);
  if (total > Math.log1p(SLACK)) {
    return `The log-probabilities of the service give a sum of ${Math.exp(total).toPrecision(4)}, above 1, so they are none of one distribution. Have it give log-probabilities before any sampling.`;
  }
  return total > 0 ? logs.map(value => value - total) : logs;
}

/**
 * @param logMasses - one a class, -Infinity where nothing is known of it; together at most 1
 * @returns undefined where nothing is known of any class
 */
export function topKOf(logMasses: readonly number[]): TopKAnswer | undefined {
  const known = [...logMasses.keys()].filter(label => logMasses[label] !== Number.NEGATIVE_INFINITY);
  if (known.length === 0) return undefined;
  known.sort((a, b) => logMasses[b]! - logMasses[a]!);
  const mass = known.reduce((sum, label) => sum + Math.exp(logMasses[label]!), 0);
  return {
    kind: 'top-k',
    classes: Int32Array.from(known),
    logProbabilities: Float32Array.from(known, label => Math.min(0, logMasses[label]!)),
    rest: Math.max(0, 1 - mass),
  };
}
