import {setImmediate} from 'node:timers/promises';
import {labelOf} from '../knowledge/coarsen.ts';
import type {Question} from '../question.ts';
import type {Detail, Query} from '../teacher.ts';
import {type Decided, type Decision, type Fallback, type Share, sharesOf, shownOf} from './decision.ts';
import type {AskedPart} from './heads.ts';
import {RequestFailure, type Route, route} from './router.ts';
import type {ServedInput} from './tensors.ts';

/** A model that classifies inputs, and how much of its answers the service shows. */
export interface ServedClassifier {
  readonly name: string;
  readonly version: string;
  /** The student that it is a head of, by name. A student of one question is its own head. */
  readonly student: string;
  readonly classes: readonly string[];
  /** The question that it answers. Undefined if only its classes are known. */
  readonly question?: Question | undefined;
  /** The part of a query that says which question is asked. */
  readonly asked: AskedPart;
  /** The fullest detail that the service shows. */
  readonly detail: Detail;
  readonly input: ServedInput | undefined;
  /** The heads of one student share it. One call answers all queries about an input in one pass. */
  readonly decide: (queries: readonly Query[], signal: AbortSignal) => Promise<readonly Decided[]>;
}

/**
 * The model that a request names. A service of one model answers whatever the name.
 *
 * @param field - the field of the request with the name
 * @throws RequestFailure 400 that lists the names, if there are several models and none of this name
 */
export function modelNamed(
  models: readonly ServedClassifier[],
  name: string | undefined,
  field: string,
): ServedClassifier {
  const model = models.length === 1 ? models[0] : models.find(other => other.name === name);
  if (model) return model;
  const names = models.map(other => `\`${other.name}\``).join(', ');
  throw new RequestFailure(
    400,
    `This service answers several questions: ${names}. Name one as \`${field}\`, or ask all of them at /v1/decisions or /v1/systemone.`,
    {param: field},
  );
}

/** The names by which clients can ask for models: those of students with several heads come before their heads. */
export function namesOf(models: readonly ServedClassifier[]): readonly string[] {
  return [...new Set(models.flatMap(({student, name}) => [student, name]))];
}

/**
 * Lists the models as OpenAI's clients read it (`data`), and TypeSafe's (`models`). Either client passes over the field
 * of the other.
 */
export function modelRoutes(models: readonly ServedClassifier[]): readonly Route[] {
  const now = new Date();
  const created = Math.floor(now.getTime() / 1000);
  const names = namesOf(models);
  const cards = names.map(id => ({id, object: 'model', created, owned_by: 'limbeck'}));
  const described = names.map(name => ({
    name,
    description: descriptionOf(models, name),
    release_date: now.toISOString().slice(0, 10),
  }));
  return [
    route('GET', '/v1/models', () => ({body: {object: 'list', data: cards, models: described}})),
    route('GET', '/v1/models/:model', ({path}) => {
      const card = cards.find(({id}) => id === path[2]);
      if (card) return {body: card};
      const names = cards.map(({id}) => `\`${id}\``).join(', ');
      throw new RequestFailure(404, `There is no model \`${path[2]}\`. This service has ${names}.`, {
        param: 'model',
        code: 'model_not_found',
      });
    }),
  ];
}

function descriptionOf(models: readonly ServedClassifier[], name: string): string {
  const model = models.find(other => other.name === name);
  if (model === undefined) {
    const questions = models.filter(({student}) => student === name).map(other => other.name);
    return `A model that answers ${questions.join(', ')}`;
  }
  const {question, classes} = model;
  const type = question ? `A ${question.type}` : 'A model';
  return `${type} with ${classes.length} classes`;
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
