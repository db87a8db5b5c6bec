import {inputsOfKinds} from '../input-kinds.ts';
import type {Question} from '../question.ts';
import {type ServedClassifier, type VerdictFacts, verdictOf} from './classifier.ts';
import {queryOf} from './classify.ts';
import type {Decided} from './decision.ts';
import {RequestFailure, type ServedRequest} from './router.ts';

/** A typed question, as either protocol asks it. */
export interface AskedQuestion {
  readonly type: Question['type'];
  /** Its name or id, if it has one. */
  readonly name: string | undefined;
  /**
   * In the order of the request, the names that each option may have among the classes of a model, the likeliest first.
   * The options of a predicate are no and yes.
   */
  readonly options: readonly (readonly string[])[];
}

/** The options of a predicate. */
export const PREDICATE: AskedQuestion['options'] = [['no'], ['yes']];

/** The answer to a typed question. */
export interface TypedAnswer {
  /** One for each option of the question, in its order. */
  readonly probabilities: readonly number[];
  /** Index of the option that is the answer. */
  readonly best: number;
  readonly about: TypedFacts;
}

/** The facts beside a typed answer that have no standard field. */
export interface TypedFacts extends Omit<VerdictFacts, 'confidence'> {
  /** The model that the question was put to. */
  readonly model: string;
  /** Present if only the option is known: its probability of 1 was not measured. */
  readonly evidence?: 'label' | undefined;
}

/** The reason why a question has no answer. */
export interface TypedRefusal {
  readonly refusal: string;
}

/** The questions of a request about its one state. */
export interface TypedRequest {
  /** A text for models of texts, which read anything else as JSON. Nested lists for models of numbers. */
  readonly state: unknown;
  /** The image in the state, as a data URL or in base64. Models of images read it alone. */
  readonly image?: string | undefined;
  readonly questions: readonly AskedQuestion[];
  /** The name of the model that the client asked for. */
  readonly model: string;
}

/**
 * Answers each question by the model that has its options as classes. A student is asked once, however many of the
 * questions its heads answer.
 *
 * @throws RequestFailure 400 if the service shows labels alone, or the state doesn't suit a model
 */
export async function answerQuestions(
  models: readonly ServedClassifier[],
  {questions, model: wanted, ...asked}: TypedRequest,
  {signal, takeInputs}: Pick<ServedRequest, 'signal' | 'takeInputs'>,
): Promise<readonly (TypedAnswer | TypedRefusal)[]> {
  if (models.some(({detail}) => detail.kind === 'label')) {
    throw new RequestFailure(400, 'This service shows labels alone, and these answers are probabilities.', {
      code: 'unsupported_value',
    });
  }
  const chosen = questions.map(question => chooseModel(models, question, wanted));
  const able = [...new Set(chosen.flatMap(one => ('model' in one ? [one.model] : [])))];
  const students = new Set(able.map(({decide}) => decide));
  takeInputs(students.size);
  const decided = await Promise.all(
    Array.from(students, async (decide): Promise<readonly (readonly [ServedClassifier, Decided])[]> => {
      const heads = able.filter(head => head.decide === decide);
      const query = queryAbout(heads[0]!, asked);
      const decisions = await decide(
        heads.map(head => ({...query, ...head.asked})),
        signal,
      );
      return heads.map((head, index) => [head, decisions[index]!]);
    }),
  );
  const decisions = new Map(decided.flat());
  return chosen.map(one => ('model' in one ? answerBy(one, decisions.get(one.model)!) : one));
}

/** A model that can answer a question. */
interface Chosen {
  readonly model: ServedClassifier;
  /** The class that each option of the question is. */
  readonly indices: readonly number[];
}

/**
 * Chooses the model with the name of the question, else the one that the client asked for, else the only one whose own
 * question is of the same type, else the only one.
 */
function chooseModel(models: readonly ServedClassifier[], asked: AskedQuestion, wanted: string): Chosen | TypedRefusal {
  const fitting = models.flatMap((model): Chosen[] => {
    const indices = indicesIn(model, asked);
    return indices ? [{model, indices}] : [];
  });
  const isNamed = ({name, question}: ServedClassifier) => name === asked.name || question?.name === asked.name;
  const named = asked.name === undefined ? undefined : fitting.find(({model}) => isNamed(model));
  if (named) return named;
  // Predicates have no options by which they could be told apart.
  const other = models.find(model => asked.type === 'predicate' && model.question !== undefined && isNamed(model));
  if (other) return {refusal: `Question \`${asked.name}\` of this service is ${questionText(other)}.`};
  const only = (some: readonly Chosen[]): Chosen | undefined => {
    const sameType = some.filter(({model}) => model.question?.type === asked.type);
    const best = sameType.length > 0 ? sameType : some;
    return best.length === 1 ? best[0] : undefined;
  };
  const chosen =
    fitting.find(({model}) => model.name === wanted) ??
    only(fitting.filter(({model}) => model.student === wanted)) ??
    only(fitting);
  if (chosen) return chosen;
  if (fitting.length === 0) return {refusal: 'No model of this service has these options as its classes.'};
  const names = fitting.map(({model}) => `\`${model.name}\``).join(', ');
  return {refusal: `Several models have these options: ${names}. Give the question the name of one.`};
}

function questionText({question, classes}: ServedClassifier): string {
  return question?.type === 'predicate' ? 'a predicate' : `a ${question!.type} with the options ${classes.join(', ')}`;
}

/** The class of each option. Two predicates need no words in common: no comes first. */
function indicesIn(
  {question, classes}: ServedClassifier,
  {type, options}: AskedQuestion,
): Chosen['indices'] | undefined {
  const noYes = type === 'predicate' && question?.type === 'predicate' ? [0, 1] : undefined;
  return indicesOf(options, classes) ?? noYes;
}

/** The class of each option; undefined if options and classes are not the same. */
function indicesOf(options: AskedQuestion['options'], classes: readonly string[]): readonly number[] | undefined {
  if (options.length !== classes.length) return undefined;
  const alike = (indexOf: (name: string) => number): readonly number[] | undefined => {
    const indices = options.map(names => names.map(indexOf).find(index => index !== -1) ?? -1);
    return indices.includes(-1) || new Set(indices).size < indices.length ? undefined : indices;
  };
  return alike(name => classes.indexOf(name)) ?? alike(name => classes.map(truthOf).indexOf(truthOf(name) ?? -1));
}

/** No and false are the same, and so are yes and true, in any case. Undefined for all other names. */
function truthOf(name: string): number | undefined {
  const word = name.toLowerCase();
  if (word === 'no' || word === 'false') return 0;
  return word === 'yes' || word === 'true' ? 1 : undefined;
}

function queryAbout(model: ServedClassifier, {state, image}: Pick<TypedRequest, 'state' | 'image'>) {
  const {kind = 'text'} = model.input ?? {};
  if (kind === 'image') return queryOf(model, image ?? state, 0);
  if (image !== undefined) {
    throw new RequestFailure(
      400,
      `The model \`${model.name}\` reads ${inputsOfKinds(kind)}, and the state has an image.`,
      {param: 'input'},
    );
  }
  const isText = kind === 'text' && typeof state !== 'string';
  return queryOf(model, isText ? JSON.stringify(state) : state, 0);
}

function answerBy({model, indices}: Chosen, decision: Decided): TypedAnswer | TypedRefusal {
  // The teacher's own message could reveal what the service hides.
  if ('error' in decision) return {refusal: "The model can't answer this state."};
  const {label, shares, about} = verdictOf(model, decision);
  const {confidence, ...facts} = about;
  // The classes that a top-k answer doesn't name have no probability of their own. Their sum is missing from 1.
  const shown = new Map(shares?.map(({name, probability}) => [name, probability]) ?? [[label, 1]]);
  return {
    probabilities: indices.map(index => shown.get(model.classes[index]!) ?? 0),
    best: indices.indexOf(model.classes.indexOf(label)),
    about: {...facts, model: model.name, evidence: shares === undefined ? 'label' : undefined},
  };
}

/**
 * How far the most probable option is above chance: (max p − 1/n) / (1 − 1/n), from 0 to 1. Source: TypeSafe's formula
 * in jevcompat's SPEC 0.1, section 4.5.
 */
export function choiceConfidence(probabilities: readonly number[]): number {
  const chance = 1 / probabilities.length;
  return clipped((Math.max(...probabilities) - chance) / (1 - chance));
}

/**
 * How close to its mode a score is: 1 − Σ pᵢ|i − mode| / D, from 0 to 1. D is the mean distance of all levels to their
 * middle. Source: as for `choiceConfidence`.
 */
export function scoreConfidence(probabilities: readonly number[]): number {
  const mode = probabilities.indexOf(Math.max(...probabilities));
  const middle = (probabilities.length - 1) / 2;
  const distance = probabilities.reduce((sum, _, level) => sum + Math.abs(level - middle), 0) / probabilities.length;
  const spread = probabilities.reduce((sum, share, level) => sum + share * Math.abs(level - mode), 0);
  return clipped(1 - spread / distance);
}

/** Probabilities of 32 bits can pass the ends by less than a millionth. */
function clipped(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** The expected level of a score, counted from 0. */
export function expectedLevel(probabilities: readonly number[]): number {
  return probabilities.reduce((sum, share, level) => sum + share * level, 0);
}

/** The model doesn't count tokens. This uses the usual estimate of four characters a token. */
export function tokensOf(state: unknown): number {
  return Math.ceil((typeof state === 'string' ? state : JSON.stringify(state)).length / 4);
}
