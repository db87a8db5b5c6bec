/** Arithmetic of log-probabilities that all ways of scoring labels share. */
import type {TopKAnswer} from '../../src/teacher.ts';

/** The most that a probability, or a sum of them, can exceed 1: services round, some to two or three digits. */
const SLACK = 0.02;

/** Services write this value or a lower one for a probability below the least that they list. */
const UNTOLD = -9999;

/** True if a value is a log-probability, and not the stand-in for an unlisted one. */
export function isTold(logProbability: number | undefined): logProbability is number {
  return logProbability !== undefined && logProbability > UNTOLD;
}

/** Returns -Infinity for an empty list. */
export function logSumExp(values: readonly number[]): number {
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (most === Number.NEGATIVE_INFINITY) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** Returns log-probabilities of exclusive events, scaled down to a sum of 1 if rounding put the sum above it. */
export function withinOne(logs: readonly number[]): readonly number[] | string {
  const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (most > SLACK) {
    return `The service gives logits instead of log-probabilities: one is ${most.toPrecision(4)}, and none can be above 0. Have it give log-probabilities; vLLM does with \`--logprobs-mode raw_logprobs\`.`;
  }
  const total = logSumExp(logs);
  if (total > Math.log1p(SLACK)) {
    return `The log-probabilities of the service give a sum of ${Math.exp(total).toPrecision(4)}, above 1, so they are not of one distribution. Have it give log-probabilities before any sampling.`;
  }
  return total > 0 ? logs.map(value => value - total) : logs;
}

/**
 * @param logMasses - one per class, -Infinity if unknown; their sum is at most 1
 * @returns undefined if no class has a known mass
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
