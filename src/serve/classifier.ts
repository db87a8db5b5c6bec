import {setImmediate} from 'node:timers/promises';
import {labelOf} from '../knowledge/coarsen.ts';
import type {Detail, Query} from '../teacher.ts';
import {type Decided, type Decision, type Fallback, type Share, sharesOf, shownOf} from './decision.ts';
import {RequestFailure} from './failure.ts';
import type {ServedInput} from './tensors.ts';

/** A model that classifies inputs, and how much of its answers the service shows. */
export interface ServedClassifier {
  readonly name: string;
  readonly version: string;
  readonly classes: readonly string[];
  /** The fullest detail that the service shows. */
  readonly detail: Detail;
  readonly input: ServedInput | undefined;
  readonly decide: (queries: readonly Query[], signal: AbortSignal) => Promise<readonly Decided[]>;
}

/** A decision as a service shows it. */
export interface Verdict {
  readonly label: string;
  /** The most probable class first. Undefined if the service shows no probabilities, or the answer has none. */
  readonly shares: readonly Share[] | undefined;
  readonly about: VerdictFacts;
}

/** The facts that a service shows beside the class of a decision. */
export interface VerdictFacts {
  /** Probability of the class. */
  readonly confidence?: number | undefined;
  /** True if the confidence is below the threshold. */
  readonly abstains?: boolean | undefined;
  readonly answeredBy: 'student' | 'teacher';
  readonly fallback?: Fallback | undefined;
}

/**
 * Decides each query, and returns no more than the service shows.
 *
 * @throws RequestFailure 400 if a query can't be answered
 */
export async function verdictsOn(
  model: ServedClassifier,
  queries: readonly Query[],
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const decided = await model.decide(queries, signal);
  return mapInSlices(decided, (decision, index) => {
    if ('error' in decision) throw unanswerable(index);
    return verdictOf(model, decision);
  });
}

/**
 * The first input that can't be answered fails the request. The error leaves out the teacher's own message, which could
 * reveal what the service hides.
 */
export function unanswerable(index: number): RequestFailure {
  return new RequestFailure(400, `The model can't answer input ${index}. Check its shape and datatype.`);
}

/** Returns no more of a decision than the service shows. */
export function verdictOf(
  {classes, detail}: ServedClassifier,
  {answer, answeredBy, abstains, fallback}: Decision,
): Verdict {
  const shown = shownOf(answer, detail);
  const shares = sharesOf(shown, classes);
  const label = classes[labelOf(shown)]!;
  // The confidence would reveal more than a label.
  const isShown = abstains !== undefined && detail.kind !== 'label';
  return {
    label,
    shares,
    about: {
      confidence: shares && rounded(shares[0]!.probability),
      abstains: isShown ? abstains : undefined,
      answeredBy,
      fallback,
    },
  };
}

/** Rounds to six digits, the precision of a 32-bit float. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

/** Milliseconds of computing before other requests get a turn. */
const SLICE = 15;

/** Maps many values without blocking other requests. */
export async function mapInSlices<T, R>(values: readonly T[], map: (value: T, index: number) => R): Promise<R[]> {
  const mapped: R[] = [];
  let end = performance.now() + SLICE;
  for (const [index, value] of values.entries()) {
    if (performance.now() > end) {
      await setImmediate();
      end = performance.now() + SLICE;
    }
    mapped.push(map(value, index));
  }
  return mapped;
}
