import {z} from 'zod';
import {namesOf, type ServedClassifier} from './classifier.ts';
import {type Problem, RequestFailure, type Route, route, type ServedReply, type ServedRequest} from './router.ts';
import {
  type AskedQuestion,
  answerQuestions,
  choiceConfidence,
  expectedLevel,
  PREDICATE,
  scoreConfidence,
  type TypedAnswer,
  tokensOf,
} from './typed-answers.ts';

/** The path of the protocol. Its errors have a form of their own. */
export const SYSTEM_ONE = '/v1/systemone';

/** The model that TypeSafe's clients ask for if their user names none. */
const ALIAS = 'jev-latest';

/**
 * TypeSafe's System One: a map of typed questions about a state, and a map of answers. If one of the questions can't be
 * answered, the request is refused and says which, because the protocol has no refusal of a single question.
 *
 * @param models - the first gives its name to a reply to `jev-latest`
 */
export function systemOneRoutes(models: readonly ServedClassifier[]): readonly Route[] {
  return [route('POST', SYSTEM_ONE, request => answer(models, request))];
}

async function answer(models: readonly ServedClassifier[], request: ServedRequest): Promise<ServedReply> {
  const {model, state, image, questions} = await readRequest(request);
  const names = namesOf(models);
  if (!names.includes(model) && model !== ALIAS) {
    throw new RequestFailure(400, `Unknown model: ${model}. This service has ${names.join(', ')}.`);
  }
  const asked = Object.entries(questions);
  const wanted = {state, image, questions: asked.map(([id, question]) => askedAs(id, question)), model};
  const answers = await answerQuestions(models, wanted, request);
  const problems: Problem[] = [];
  const said = asked.map(([id, question], index) => {
    const one = answers[index]!;
    if ('probabilities' in one) return [id, answerTo(question, one)] as const;
    problems.push({loc: ['body', 'questions', id], msg: one.refusal, type: 'unanswerable'});
    return [id, undefined] as const;
  });
  if (problems.length > 0) throw invalid(problems);
  const usage = {input_tokens: tokensOf(state), output_tokens: 0};
  return {body: {model: names.includes(model) ? model : names[0]!, answers: Object.fromEntries(said), usage}};
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Its keys are any texts. */
const object = z.custom<Readonly<Record<string, unknown>>>(isObject, 'Expected an object');
const filled = object.refine(value => Object.keys(value).length > 0, 'Expected at least one entry');
const structured = z.union([z.string(), z.array(z.unknown()), object]);

const MOST_OPTIONS = 255;
const MOST_LEVELS = 10;

const question = z.discriminatedUnion('type', [
  z.object({type: z.literal('noul'), instructions: structured.nullish(), criteria: object.nullish()}),
  z.object({
    type: z.literal('choice'),
    instructions: structured.nullish(),
    criteria: filled.refine(
      options => Object.keys(options).length <= MOST_OPTIONS,
      `Expected at most ${MOST_OPTIONS} options`,
    ),
  }),
  z.object({
    type: z.literal('score'),
    instructions: structured.nullish(),
    criteria: z.array(structured).min(1).max(MOST_LEVELS),
  }),
]);

type SystemOneQuestion = z.infer<typeof question>;

const shownPart = z.object({type: z.literal('image_url'), image_url: z.object({url: z.string()})});

const whole = z.object({
  model: z.string(),
  state: structured,
  questions: filled,
  assets: z.record(z.string(), z.object({data_base64: z.string().nullish()})).nullish(),
  images: z.array(z.string()).nullish(),
});

interface SystemOneRequest {
  readonly model: string;
  readonly state: unknown;
  readonly image: string | undefined;
  readonly questions: Readonly<Record<string, SystemOneQuestion>>;
}

/** @throws RequestFailure 422 that says where the body is wrong */
async function readRequest({body}: ServedRequest): Promise<SystemOneRequest> {
  const parsed = whole.safeParse(await body().catch(asInvalid));
  if (!parsed.success) throw invalid(problemsOf(parsed.error, ['body']));
  const problems: Problem[] = [];
  const questions = Object.entries(parsed.data.questions).map(([id, given]) => {
    const read = question.safeParse(given);
    if (!read.success) problems.push(...problemsOf(read.error, ['body', 'questions', id]));
    return [id, read.data!] as const;
  });
  if (problems.length > 0) throw invalid(problems);
  return {...parsed.data, image: imageIn(parsed.data), questions: Object.fromEntries(questions)};
}

/**
 * The image of a request: a part of the state, an asset that the state names, or one beside it.
 *
 * @throws RequestFailure 422 if there are several
 */
function imageIn({state, assets, images}: z.infer<typeof whole>): string | undefined {
  const parts = Array.isArray(state) ? state.flatMap(part => shownPart.safeParse(part).data?.image_url.url ?? []) : [];
  const named = Object.values(assets ?? {}).flatMap(({data_base64: data}) => data ?? []);
  const all = [...parts, ...named, ...(images ?? [])];
  if (all.length < 2) return all[0];
  const msg = `This service reads one image, and the state has ${all.length}.`;
  throw invalid([{loc: ['body', 'state'], msg, type: 'too_many_images'}]);
}

function asInvalid(error: unknown): never {
  if (!(error instanceof RequestFailure && error.status === 400)) throw error;
  throw invalid([{loc: ['body'], msg: error.message, type: 'json_invalid'}]);
}

function problemsOf({issues}: z.ZodError, at: Problem['loc']): readonly Problem[] {
  return issues.map(({path, message, code}) => ({loc: [...at, ...path.map(String)], msg: message, type: code}));
}

function invalid(problems: readonly Problem[]): RequestFailure {
  const [{msg, loc}] = problems as readonly [Problem];
  return new RequestFailure(422, `${loc.join('.')}: ${msg}`, {problems});
}

function askedAs(name: string, asked: SystemOneQuestion): AskedQuestion {
  switch (asked.type) {
    case 'noul':
      return {type: 'predicate', name, options: PREDICATE};
    case 'choice':
      return {type: 'choice', name, options: Object.keys(asked.criteria).map(option => [option])};
    case 'score':
      return {type: 'score', name, options: asked.criteria.map(namesOfLevel)};
  }
}

/** A level is its name, its name with a description after a colon, or an object with its name. */
function namesOfLevel(level: unknown): readonly string[] {
  if (typeof level === 'string') return [level, ...(level.includes(': ') ? [level.slice(0, level.indexOf(': '))] : [])];
  if (!isObject(level)) return [];
  return [level['label'], level['name']].filter(name => typeof name === 'string');
}

function answerTo(asked: SystemOneQuestion, {probabilities, best, about}: TypedAnswer): object {
  const {type} = asked;
  // The protocol leaves fields with this prefix to servers.
  const rest = {x_limbeck: about};
  if (type === 'noul') return {type, noul: probabilities[1], ...rest};
  if (type === 'choice') {
    const options = Object.keys(asked.criteria);
    const shares = Object.fromEntries(options.map((option, index) => [option, probabilities[index]]));
    return {type, choice: options[best], probabilities: shares, confidence: choiceConfidence(probabilities), ...rest};
  }
  return {
    type,
    score: expectedLevel(probabilities),
    legend: {...asked.criteria},
    probabilities: {...probabilities},
    confidence: scoreConfidence(probabilities),
    ...rest,
  };
}
