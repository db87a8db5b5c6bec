import {InputError} from '../src/errors.ts';
import {dataUrl, imageBase64} from '../src/input-kinds.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import {classesOf, type Option, type Question} from '../src/question.ts';
import type {Json, Reply, Teacher} from '../src/teacher.ts';
import {
  ADVICE,
  answersByName,
  chosen,
  type DecidedInput,
  type DecisionDialect,
  type Given,
  isRecord,
  levelText,
  type OrderedJson,
  predicated,
  probabilitiesBy,
  probabilitiesByLevel,
  REFUSED,
  receiptIn,
  scored,
  wrongType,
} from './_decisions/dialect.ts';
import {google} from './_decisions/google.ts';
import {
  DECISION_KINDS,
  type DecisionOptions,
  decisionTeacher,
  type HostFacts,
  pathBelow,
} from './_decisions/teacher.ts';
import {distillableFields, OPEN_ROUTER_KINDS, type OpenRouterOptions} from './_wire/open-router.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {lenientJson} from './_wire/reply.ts';
import {checkAddress} from './_wire/request.ts';

export interface SystemOneOptions extends DecisionOptions, OpenRouterOptions {
  /**
   * Address of the service, up to where its path begins, or with it. For Cloudflare it is the whole address of the
   * model: `https://api.cloudflare.com/client/v4/accounts/ACCOUNT/ai/run/@cf/cloudflare/clef`, for Google
   * `https://generativelanguage.googleapis.com`. TYPESAFE_API_KEY is sent to TypeSafe only, GEMINI_API_KEY to Google only.
   *
   * @default 'https://api.typesafe.ai'
   */
  readonly url?: string;
  /**
   * The path of the questions below `url`.
   *
   * @default that of the host; '/v1/systemone' for others, '/v1beta/decisions' in Google's dialect
   */
  readonly path?: string;
  /**
   * The form of requests and of what belongs to the answers: System One's own, or Google's.
   *
   * @default 'google' for Google, 'system-one' for others
   */
  readonly dialect?: 'system-one' | 'google';
  /**
   * The field of a reply that holds the answers and what belongs to them, if they are not at its root.
   *
   * @default 'result' for Cloudflare; none for others
   */
  readonly envelope?: string;
  /**
   * How an image is sent: as a `part` of the state, as an `asset` that the state names, or in the `list` of images beside
   * it.
   *
   * @default 'asset' for TypeSafe, 'list' for Cloudflare, 'part' for others
   */
  readonly images?: 'part' | 'asset' | 'list';
}

const KINDS = {
  ...DECISION_KINDS,
  ...OPEN_ROUTER_KINDS,
  url: kinds.text,
  path: kinds.text,
  envelope: kinds.text,
  dialect: oneOf('system-one', 'google'),
  images: oneOf('part', 'asset', 'list'),
} satisfies Shape<SystemOneOptions>;

const TYPESAFE = 'https://api.typesafe.ai';
const PATH = '/v1/systemone';
const GOOGLE = 'https://generativelanguage.googleapis.com';
const GOOGLE_PATH = '/v1beta/decisions';

interface Host extends HostFacts {
  /** @default PATH */
  readonly path?: string;
  readonly envelope?: string;
  /** @default 'part' */
  readonly images?: SystemOneOptions['images'];
  /** The names that it takes. */
  readonly names?: RegExp;
}

/** By origin. The limits are those of November 2026. */
const HOSTS: Readonly<Record<string, Host>> = {
  // Two tokens for 28 × 28 pixels, and at most 1,568 a side.
  [TYPESAFE]: {decimals: 2, questions: 400, options: 255, levels: 10, images: 'asset', imageTokens: 2 * 56 ** 2},
  'https://api.perplexity.ai': {path: '/v1/decisions', decimals: 2, questions: 128, options: 255, levels: 10},
  'https://openrouter.ai': {path: '/api/alpha/decisions', decimals: 2},
  'https://api.fireworks.ai': {options: 208},
  [GOOGLE]: {decimals: 2, questions: 1000, options: 255, levels: 255},
  'https://api.cloudflare.com': {
    ...{path: '', envelope: 'result', images: 'list', names: /^[\w.-]{1,100}$/},
    ...{decimals: 4, questions: 64, options: 255, levels: 10},
  },
};

/**
 * A model that answers typed questions about texts, images and records, by the protocol System One: TypeSafe, Perplexity,
 * OpenRouter, Cloudflare, Fireworks, llama.cpp, vLLM and others, and Google, whose form is much like it. Gray-box, with
 * the probability of every option. One request carries all questions about an input that are not answered yet. The key is
 * read from TYPESAFE_API_KEY for TypeSafe, from GEMINI_API_KEY for Google, else from LIMBECK_TEACHER_KEY.
 *
 * Probabilities are kept as they came. If the service rounds them (`decimals`), an answer is a top-k answer: what its
 * numbers lack to a sum of 1 is its rest, and options that are printed as zero are not named.
 *
 * @throws InputError if the options can't be used, or the service takes no such question
 */
export function systemOne(options: SystemOneOptions): Teacher<'gray-box'> {
  checkOptions('systemOne', options, KINDS, ['model', 'questions']);
  const address = checkAddress(options.url ?? TYPESAFE);
  const {origin} = new URL(address);
  const host = HOSTS[origin] ?? {};
  const preferences = options.parameters?.['provider'];
  const fields = distillableFields(options, address, isRecord(preferences) ? preferences : {});
  if ((options.dialect ?? (origin === GOOGLE && 'google')) === 'google') return googleTeacher(options, address, host);
  const {path = host.path ?? PATH, envelope = host.envelope, images = host.images ?? 'part'} = options;
  return decisionTeacher(options, {
    ...{adapter: 'system-one', address, host},
    path: pathBelow(address, path),
    provider: {own: TYPESAFE, variable: 'TYPESAFE_API_KEY'},
    dialect: {...dialectOf(host, envelope, images), ...(options.images && {mapping: {version: 1, images}})},
    fields,
  });
}

function googleTeacher(options: SystemOneOptions, address: string, host: Host): Teacher<'gray-box'> {
  const {path = GOOGLE_PATH, model} = options;
  const other = (['envelope', 'images'] as const).find(option => options[option] !== undefined);
  if (other) throw new InputError(`Google's dialect has no option \`${other}\`. Leave it out.`);
  return decisionTeacher(
    {...options, model: model.includes('/') ? model : `models/${model}`},
    {
      ...{adapter: 'system-one', address, host},
      path: pathBelow(address, path),
      provider: {own: GOOGLE, variable: 'GEMINI_API_KEY'},
      authorize: key => ({'x-goog-api-key': key}),
      dialect: google(given),
    },
  );
}

type ImageForm = NonNullable<SystemOneOptions['images']>;

function dialectOf({names}: Host, envelope: string | undefined, images: ImageForm): DecisionDialect {
  const open = (document: unknown) => (envelope !== undefined && isRecord(document) ? document[envelope] : document);
  return {
    mapping: 1,
    body: (input, questions) => ({
      ...stateOf(input, images),
      questions: new Map(questions.map(question => [question.name, asked(question)])),
    }),
    imageProblem: ({mediaType}) =>
      images === 'asset' && mediaType === 'image/webp'
        ? 'It takes PNG and JPEG, and this image is WebP. Convert it.'
        : undefined,
    problemWith(question) {
      if (names && !names.test(question.name))
        return 'has a name that the service does not take: use letters and digits';
      const isEmpty = question.type === 'predicate' && !(question.instructions || question.yes || question.no);
      return isEmpty ? 'has neither `instructions` nor criteria' : undefined;
    },
    given: (document, questions) =>
      answersByName(open(document), questions, given) ??
      'Its reply has no answers by name. Check `url`, `path` and `envelope`.',
    receipt: document => receiptIn(open(document)),
    refusalAdvice,
  };
}

/** The name of an image in a request. No state has it by chance. */
const ASSET = '<image:limbeck>';

function stateOf(input: DecidedInput, form: ImageForm): {readonly [field: string]: Json} {
  if (input.kind === 'text') return {state: input.text};
  if (input.kind === 'record') return {state: input.fields};
  switch (form) {
    case 'part':
      return {state: [{type: 'image_url', image_url: {url: dataUrl(input)}}]};
    case 'list':
      return {state: '', images: [dataUrl(input)]};
    case 'asset': {
      const format = input.mediaType.replace('image/', '');
      return {state: ASSET, assets: {[ASSET]: {type: 'image', format, data_base64: imageBase64(input)}}};
    }
  }
}

function asked(question: Question): OrderedJson {
  const instructions = question.instructions || undefined;
  switch (question.type) {
    case 'predicate': {
      const {yes, no} = question;
      const criteria = yes || no ? {true: yes || undefined, false: no || undefined} : undefined;
      return {type: 'noul', instructions, criteria};
    }
    case 'choice': {
      const criteria = question.options.map(({name, description}) => [name, description || null] as const);
      return {type: 'choice', instructions, criteria: new Map(criteria)};
    }
    case 'score':
      return {type: 'score', instructions, criteria: question.levels.map(levelText)};
  }
}

function given(question: Question, answer: Readonly<Record<string, unknown>>): Given {
  const {type, noul, choice, score, probabilities, legend} = answer;
  const wanted = question.type === 'predicate' ? 'noul' : question.type;
  if (type === 'refusal') return REFUSED;
  if (type !== wanted) return wrongType(type, wanted);
  const classes = classesOf(question);
  switch (question.type) {
    case 'predicate':
      return predicated(noul);
    case 'choice':
      return chosen(classes, choice, probabilitiesBy(classes, probabilities));
    case 'score': {
      const isAsAsked = (level: Option, index: number) => isRecord(legend) && legend[index] === levelText(level);
      if (isRecord(legend) && !question.levels.every(isAsAsked)) {
        return {problem: 'It numbers the levels in another way than from 0, in their order.'};
      }
      return scored(score, probabilitiesByLevel(classes.length, probabilities));
    }
  }
}

/** Cloudflare's code for a day's allowance that is used up, and the one that others report. */
const SPENT: readonly unknown[] = [4006, 3036];

function refusalAdvice({body}: Reply): RefusalAdvice {
  const document = lenientJson(body);
  const errors = isRecord(document) && Array.isArray(document['errors']) ? document['errors'] : [];
  if (!errors.some(error => isRecord(error) && SPENT.includes(error['code']))) return ADVICE;
  const problem = 'The allowance of the day is used up. Go on tomorrow, or pay for more.';
  return {...ADVICE, byStatus: {...ADVICE.byStatus, 429: {problem, retryable: false}}};
}
