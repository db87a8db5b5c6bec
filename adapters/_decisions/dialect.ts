import {z} from 'zod';
import type {Option, Question} from '../../src/question.ts';
import type {EncodedImage, Input, Json, Receipt, Reply, TensorInput} from '../../src/teacher.ts';
import type {RefusalAdvice} from '../_wire/refusal.ts';
import {openAiUsage, tokenCount, usageOf} from '../_wire/usage.ts';
import type {Printed, Unusable} from './distribution.ts';

/** JSON in which a map is an object in its own order. */
export type OrderedJson =
  | Json
  | ReadonlyMap<string, OrderedJson>
  | readonly OrderedJson[]
  | {readonly [name: string]: OrderedJson | undefined};

/** An input that questions can be asked about. */
export type DecidedInput = Exclude<Input, TensorInput>;

/** What a service says to one question. */
export type Given = Printed | Unusable | typeof REFUSED;

/** The service refuses this question alone. */
export const REFUSED = 'refused';

/** A protocol: how questions about a text are asked, and how the reply is read. */
export interface DecisionDialect {
  /** Version of the way in which questions become a request. It is part of the identity. */
  readonly mapping: Json;
  /** The fields of a request but its model. */
  body(input: DecidedInput, questions: readonly Question[]): {readonly [field: string]: OrderedJson | undefined};
  /** The reason, in sentences, why the service takes no such image; undefined if it takes it. */
  imageProblem?(image: EncodedImage): string | undefined;
  /** Why a question can't be asked, as a clause; undefined if it can. */
  problemWith(question: Question): string | undefined;
  /**
   * Returns what a reply with status 200 says to each question, or the problem with the whole reply.
   *
   * @param questions - in the order of the request; undefined if nobody needs the answer
   */
  given(document: unknown, questions: readonly (Question | undefined)[]): readonly Given[] | string;
  receipt(document: unknown): Receipt;
  /** A note to the user about a reply. */
  note?(document: unknown): string | undefined;
  refusalAdvice(reply: Reply): RefusalAdvice;
}

/** Writes a map in its order. An object would put names such as `10` before all others. */
export function orderedJson(value: OrderedJson | undefined): string {
  if (value instanceof Map) {
    const parts = [...(value as ReadonlyMap<string, OrderedJson | undefined>)].filter(([, part]) => part !== undefined);
    return `{${parts.map(([name, part]) => `${JSON.stringify(name)}:${orderedJson(part)}`).join()}}`;
  }
  if (Array.isArray(value)) return `[${value.map(orderedJson).join()}]`;
  if (typeof value === 'object' && value !== null) return orderedJson(new Map(Object.entries(value)));
  return JSON.stringify(value);
}

/** Why a question can't be asked by a service that needs instructions. */
export function withoutInstructions({instructions}: Question): string | undefined {
  return instructions ? undefined : 'has no `instructions`, and the service needs some';
}

/** Options in their order, each with its name in this field. */
export function described(
  options: readonly Option[],
  field: 'value' | 'label' | 'name',
): readonly {readonly [field: string]: string | undefined}[] {
  return options.map(({name, description}) => ({[field]: name, description: description || undefined}));
}

/** A level as services show it that take no description beside it. */
export function levelText({name, description}: Option): string {
  return description ? `${name}: ${description}` : name;
}

/** Instructions with the criteria of a predicate, for services that take none. */
export function withCriteria({instructions, yes, no}: Extract<Question, {readonly type: 'predicate'}>): string {
  const criteria = [yes && `Criteria for true:\n${yes}`, no && `Criteria for false:\n${no}`];
  return [instructions, ...criteria].filter(Boolean).join('\n\n');
}

/** Reads probabilities by name. Each of the names must be there, as it was sent, and nothing else. */
export function probabilitiesBy(names: readonly string[], found: unknown): readonly number[] | Unusable {
  if (!isRecord(found)) return {problem: 'It gave no probabilities.'};
  const missing = names.find(name => !Object.hasOwn(found, name));
  if (missing !== undefined) return {problem: `It gave no probability of \`${missing}\`.`};
  if (Object.keys(found).length > names.length) return {problem: NOT_ASKED};
  const values = names.map(name => found[name]);
  return values.every(isNumber) ? values : {problem: 'It gave a probability that is no number.'};
}

/** Reads answers by the names of their questions. Those that nobody asked for are left. */
export function answersByName(
  document: unknown,
  questions: readonly (Question | undefined)[],
  read: (question: Question, answer: Readonly<Record<string, unknown>>) => Given,
): readonly Given[] | undefined {
  const answers = isRecord(document) ? document['answers'] : undefined;
  if (!isRecord(answers)) return undefined;
  return questions.map(question => {
    const answer = question && Object.hasOwn(answers, question.name) ? answers[question.name] : undefined;
    return question && isRecord(answer) ? read(question, answer) : NO_ANSWER;
  });
}

/** Reads probabilities by the numbers of levels, from 0. */
export function probabilitiesByLevel(levels: number, found: unknown): readonly number[] | Unusable {
  return probabilitiesBy(
    Array.from({length: levels}, (_, level) => String(level)),
    found,
  );
}

/** Returns an answer by its choice. */
export function chosen(names: readonly string[], choice: unknown, probabilities: readonly number[] | Unusable): Given {
  if ('problem' in probabilities) return probabilities;
  const index = names.indexOf(choice as string);
  return index < 0 ? {problem: 'It calls something the answer that is no option.'} : {probabilities, choice: index};
}

/** Returns an answer by its expected level. */
export function scored(score: unknown, probabilities: readonly number[] | Unusable): Given {
  if ('problem' in probabilities) return isNumber(score) ? {...probabilities, score} : probabilities;
  return isNumber(score) ? {probabilities, score} : {problem: 'It gave no score.'};
}

/** Returns an answer by the probability of yes. */
export function predicated(yes: unknown): Given {
  if (!isNumber(yes)) return {problem: 'It gave no probability.'};
  // The difference is rounded, because 1 - 0.81 is not exactly 0.19.
  return {probabilities: [Math.max(0, Number((1 - yes).toFixed(12))), yes]};
}

export const NO_ANSWER: Unusable = {problem: 'It gave no answer.'};
export const NOT_ASKED = 'It gave a probability of something that was not asked about.';

/** Returns the problem with an answer of another type than that of its question. */
export function wrongType(type: unknown, wanted: string): Unusable {
  const shown = typeof type === 'string' && /^\w{1,20}$/.test(type) ? ` of type ${type}` : '';
  return {problem: `It gave an answer${shown} where one of type ${wanted} was asked for.`};
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The least probability of all labels together that needs no word. */
const LEAST_MASS = 0.5;

/** vLLM and SGLang say how probable their labels are together. The model wanted to say something else if that is low. */
export function noteOnLabelMass(document: unknown): string | undefined {
  const {diagnostics, answers} = isRecord(document) ? document : {};
  const found = Object.entries(isRecord(diagnostics) ? diagnostics : isRecord(answers) ? answers : {});
  const low = found.find(([, about]) => isRecord(about) && isLow(about['label_mass']));
  if (low === undefined) return undefined;
  const mass = (low[1] as {readonly label_mass: number}).label_mass.toPrecision(2);
  return (
    `The model wants to say something else than an answer to question \`${low[0]}\`: all its answers together have a ` +
    `probability of ${mass}. Say in the instructions what it may answer.`
  );
}

function isLow(mass: unknown): boolean {
  return isNumber(mass) && mass < LEAST_MASS;
}

const receiptSchema = z.object({
  model: z.string().nullish().catch(undefined),
  usage: z
    .union([
      openAiUsage,
      // SGLang generates nothing, and says so by leaving it out.
      z
        .object({prompt_tokens: tokenCount, completion_tokens: tokenCount.default(0)})
        .transform(({prompt_tokens, completion_tokens}) => ({
          input_tokens: prompt_tokens,
          output_tokens: completion_tokens,
        })),
    ])
    .nullish()
    .catch(undefined),
});

/** Returns the tokens and the model that a reply names. */
export function receiptIn(document: unknown): Receipt {
  const {model, usage} = receiptSchema.parse(document);
  return {
    ...(usage && {usage: usageOf(usage)}),
    ...(model && {model}),
  };
}

const SHORTEN = 'The text and the questions are longer than it takes. Shorten them, or lower `maxQuestions`.';

/** What to do about refusals of any service that answers typed questions. */
export const ADVICE: RefusalAdvice = {
  byCode: {max_tokens_exceeded: SHORTEN, array_above_max_length: 'It takes fewer questions. Lower `maxQuestions`.'},
  byCause: {
    'too-long': SHORTEN,
    model: 'It has no such model. Check `model`.',
    path: 'It has no such route. Check `url` and `path`.',
  },
  byStatus: {
    400: 'It does not take the request. Check `model`, and that it takes such questions.',
    404: 'It has no such route or no such model. Check `url`, `path` and `model`.',
    413: 'The request is too large for it. Shorten the text, or lower `maxQuestions`.',
    422: 'It does not take the request. Check that it takes such questions, and so many options and levels.',
    501: {problem: 'It can not answer questions with this model. Check `model`.', retryable: false},
    529: 'It is overloaded.',
  },
};
