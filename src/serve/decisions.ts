import {z} from 'zod';
import {namesOf, type ServedClassifier} from './classifier.ts';
import {RequestFailure, type Route, route} from './router.ts';
import {
  type AskedQuestion,
  answerQuestions,
  choiceConfidence,
  expectedLevel,
  PREDICATE,
  scoreConfidence,
  type TypedAnswer,
  type TypedRefusal,
  type TypedRequest,
  tokensOf,
} from './typed-answers.ts';

/**
 * OpenAI's decisions: a list of typed questions about an input, and a list of answers in the same order. It accepts any
 * model name, so that a client changes only its base URL. A question that can't be answered is refused alone.
 *
 * @param models - the first gives its name to a reply to another model's name
 */
export function decisionRoutes(models: readonly ServedClassifier[]): readonly Route[] {
  return [
    route('POST', '/v1/decisions', async request => {
      const {model, input, questions} = readRequest(await request.body());
      const {state, image} = stateOf(input);
      const asked = {state, image, questions: questions.map(askedAs), model};
      const answers = await answerQuestions(models, asked, request);
      const names = namesOf(models);
      const tokens = tokensOf(state);
      return {
        body: {
          answers: answers.map((one, index) => shown(questions[index]!, one)),
          model: names.includes(model) ? model : names[0]!,
          usage: {
            input_tokens: tokens,
            input_tokens_details: {cached_tokens: 0, cache_write_tokens: 0},
            output_tokens: 0,
            output_tokens_details: {reasoning_tokens: 0},
            total_tokens: tokens,
          },
        },
      };
    }),
  ];
}

const part = z.union([
  z.object({type: z.literal('input_text'), text: z.string()}),
  z.object({type: z.literal('input_json'), data: z.unknown()}),
  z.object({type: z.literal('input_image'), image_url: z.string()}),
  z.object({type: z.string()}),
]);

type Part = z.infer<typeof part>;

const item = z.object({
  type: z.string().optional(),
  role: z.string().optional(),
  content: z.union([z.string(), z.array(part)]).optional(),
});

type Item = z.infer<typeof item>;

const [MOST_QUESTIONS, LEAST_OPTIONS, MOST_OPTIONS] = [400, 2, 255];

/** Every question has them. A model that was trained for its question doesn't read them. */
const common = {name: z.string().nullish(), instructions: z.union([z.string(), z.array(part)])};

const choices = z
  .array(z.object({value: z.union([z.string(), z.boolean()]), description: z.string().nullish()}))
  .min(LEAST_OPTIONS)
  .max(MOST_OPTIONS)
  .refine(all => new Set(all.map(({value}) => value)).size === all.length, 'Two choices have the same value');

const levels = z
  .array(z.object({label: z.string(), description: z.string().nullish()}))
  .min(LEAST_OPTIONS)
  .max(MOST_OPTIONS);

const question = z.discriminatedUnion('type', [
  z.object({type: z.literal('predicate'), ...common}),
  z.object({type: z.literal('choice'), ...common, choices}),
  z.object({type: z.literal('score'), ...common, levels}),
]);

type DecisionQuestion = z.infer<typeof question>;

const decisionRequest = z.object({
  model: z.string(),
  input: z.union([z.string(), z.array(item).min(1)]),
  questions: z.array(question).min(1).max(MOST_QUESTIONS),
});

/** @throws RequestFailure 400 that names the field */
function readRequest(body: unknown): z.infer<typeof decisionRequest> {
  const parsed = decisionRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  const [first, ...rest] = parsed.error.issues[0]!.path;
  const field = rest.reduce<string>(
    (path, key) => (typeof key === 'number' ? `${path}[${key}]` : `${path}.${String(key)}`),
    String(first ?? ''),
  );
  throw new RequestFailure(400, z.prettifyError(parsed.error), field === '' ? {} : {param: field});
}

/**
 * The state that is decided about: the whole input if it is a text, else the last message, which must be the user's.
 * Messages before it are not read, as in chats.
 *
 * @throws RequestFailure 400 if there is no such message, or it holds what a model of texts or numbers can't read
 */
function stateOf(input: string | readonly Item[]): Pick<TypedRequest, 'state' | 'image'> {
  if (typeof input === 'string') return {state: input};
  const {type = 'message', role, content} = input.at(-1)!;
  if (type !== 'message' || role !== 'user' || content === undefined) {
    throw misfit('The last item is not a message of role `user`. This service decides about that one.');
  }
  if (typeof content === 'string') return {state: content};
  const images = content.flatMap(one => ('image_url' in one ? one.image_url : []));
  if (images.length > 1) throw misfit(`This service reads one image, and the message has ${images.length}.`);
  const words = content.filter(one => !('image_url' in one));
  const [only] = words;
  const isJson = words.length === 1 && only && 'data' in only;
  return {state: isJson ? only.data : words.map(textOf).join('\n'), image: images[0]};
}

function textOf(one: Part): string {
  if ('text' in one) return one.text;
  if ('data' in one) return JSON.stringify(one.data);
  throw misfit(`This service reads texts, JSON and images, and the message has a part of type \`${one.type}\`.`);
}

function misfit(problem: string): RequestFailure {
  return new RequestFailure(400, problem, {param: 'input'});
}

function askedAs(asked: DecisionQuestion): AskedQuestion {
  const {type} = asked;
  const name = asked.name ?? undefined;
  switch (type) {
    case 'predicate':
      return {type, name, options: PREDICATE};
    case 'choice':
      return {type, name, options: asked.choices.map(({value}) => [String(value)])};
    case 'score':
      // Some clients number the levels, and put their names into the descriptions.
      return {
        type,
        name,
        options: asked.levels.map(({label, description}) => [label, ...(description ? [description] : [])]),
      };
  }
}

function shown(asked: DecisionQuestion, answer: TypedAnswer | TypedRefusal): object {
  const name = asked.name ?? null;
  if ('refusal' in answer) return {type: 'refusal', name, limbeck: {reason: answer.refusal}};
  const {type} = asked;
  const {probabilities, best, about: limbeck} = answer;
  if (type === 'predicate') return {type, name, probability: probabilities[1], limbeck};
  if (type === 'choice') {
    return {
      ...{type, name, choice: asked.choices[best]!.value, confidence: choiceConfidence(probabilities)},
      probabilities: asked.choices.map(({value}, index) => ({value, probability: probabilities[index]})),
      limbeck,
    };
  }
  return {
    ...{type, name, score: expectedLevel(probabilities), confidence: scoreConfidence(probabilities)},
    probabilities: asked.levels.map(({label}, value) => ({value, label, probability: probabilities[value]})),
    limbeck,
  };
}
