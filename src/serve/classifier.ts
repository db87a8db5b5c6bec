import {coarsen} from '../knowledge/coarsen.ts';
import type {Detail, Query} from '../teacher.ts';
import {type Decided, type Decision, type Fallback, type Share, sharesOf, shownOf} from './decision.ts';
import {RequestFailure} from './failure.ts';
import type {ServedInput} from './input-tensor.ts';
import {mapInSlices} from './slices.ts';

/** A model that says what class an input is of, and all that is shown of it. */
export interface ServedClassifier {
  readonly name: string;
  readonly version: string;
  readonly classes: readonly string[];
  /** The most that is shown of an answer. */
  readonly detail: Detail;
  readonly input: ServedInput | undefined;
  readonly decide: (queries: readonly Query[], signal: AbortSignal) => Promise<readonly Decided[]>;
}

/** A decision as a service shows it. */
export interface Verdict {
  readonly label: string;
  /** The most probable first; undefined where none are shown, or known. */
  readonly shares: readonly Share[] | undefined;
  readonly about: VerdictFacts;
}

/** What is shown of a decision beside its class. */
export interface VerdictFacts {
  /** Probability of the class. */
  readonly confidence?: number;
  /** Whether that is less than it should be. */
  readonly abstains?: boolean;
  readonly answeredBy: 'student' | 'teacher';
  readonly fallback?: Fallback;
}

/**
 * Decides each query and shows no more of it than the service does.
 *
 * @throws RequestFailure 400 where one of them can't be answered
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

/** The first input that can't be answered fails the request. The teacher's own words may tell what the service hides. */
export function unanswerable(index: number): RequestFailure {
  return new RequestFailure(400, `The model can't answer input ${index}. Check its shape and datatype.`);
}

function verdictOf({classes, detail}: ServedClassifier, {answer, answeredBy, abstains, fallback}: Decision): Verdict {
  const shown = shownOf(answer, detail, classes.length);
  const shares = sharesOf(shown, classes);
  const label = classes[coarsen(shown, {kind: 'label'}, classes.length).label]!;
  // How sure it is would show more than a label.
  const isShown = abstains !== undefined && detail.kind !== 'label';
  return {
    label,
    shares,
    about: {
      ...(shares && {confidence: rounded(shares[0]!.probability)}),
      ...(isShown && {abstains}),
      answeredBy,
      ...(fallback && {fallback}),
    },
  };
}

/** Six digits, which is what a 32-bit float holds. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
