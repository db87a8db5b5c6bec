import {InputError} from '../../src/errors.ts';
import {kinds, type Shape} from '../../src/options.ts';
import {classesOf, type Question} from '../../src/question.ts';
import {checkQuestions} from '../../src/questions.ts';
import type {Json, Teacher, Unbounded} from '../../src/teacher.ts';
import {checkExpected, detailsWith, type Expected} from '../_answers/questions.ts';
import {totalBound, totalUsage} from '../_chat/cost.ts';
import {headersInIdentity} from '../_wire/headers.ts';
import {modelList} from '../_wire/model-list.ts';
import {statusError} from '../_wire/refusal.ts';
import type {Connection} from '../_wire/request.ts';
import {
  CONCURRENCY,
  chargedService,
  keyVariableFor,
  openConnection,
  SERVICE_KINDS,
  type ServiceOptions,
  standInFor,
} from '../_wire/service.ts';
import {type DecidedInput, type DecisionDialect, orderedJson} from './dialect.ts';
import {type Asked, askQuestions, documentOf, leastTokens, mostTokens, readQuestions, requestsFor} from './requests.ts';

/** Options of the adapters of services that answer typed questions. */
export interface DecisionOptions extends ServiceOptions {
  /** The service's name of the model. A name that always means the same version keeps answers apart. */
  readonly model: string;
  /** The questions that are asked about every input; see `choice`, `predicate` and `score` of `limbeck/ask`. */
  readonly questions: readonly Question[];
  /**
   * The name that replaces the address in the identity, so that a service that moves keeps its answers.
   *
   * @default the address
   */
  readonly service?: string;
  /**
   * To how many decimals the service rounds each probability; null: it does not. It is part of the reading only: kept
   * replies are read again, at no cost.
   *
   * @default what is known of the host; null for others
   */
  readonly decimals?: number | null;
  /**
   * For a service that shows a score as one number alone, its expected level: `levels` if the lowest is 0 and each is one
   * more, or the numbers of the lowest and the highest. It is for all scores, and part of the reading only.
   *
   * @default the service shows the probability of every level
   */
  readonly expected?: Expected;
  /**
   * The most questions in one request. If there are more about an input, it is sent more than once.
   *
   * @default what the host takes; 64 for others
   */
  readonly maxQuestions?: number;
  /**
   * The most options of a choice. A question with more is refused at once.
   *
   * @default what the host takes; no limit for others
   */
  readonly maxOptions?: number;
  /**
   * The most levels of a score. A question with more is refused at once.
   *
   * @default what the host takes; no limit for others
   */
  readonly maxLevels?: number;
  /**
   * True if the service shows the names of questions to its model, as llama.cpp does. A name is then part of the key of
   * its answers.
   *
   * @default false
   */
  readonly areNamesShown?: boolean;
  /**
   * The most tokens that one image is charged as, which budgets and plans need. It depends on the model.
   *
   * @default what is known of the host; unknown for others
   */
  readonly imageTokens?: number;
  /**
   * More fields of the request's body. Under a budget of money or tokens, only fields with a known cost are allowed.
   *
   * @default none
   */
  readonly parameters?: {readonly [field: string]: Json};
}

/** The kinds of `DecisionOptions`. */
export const DECISION_KINDS: Shape<DecisionOptions> = {
  ...SERVICE_KINDS,
  model: kinds.text,
  questions: kinds.list,
  service: kinds.text,
  decimals: kinds.numberOrNull,
  expected: kinds.textOrObject,
  maxQuestions: kinds.number,
  maxOptions: kinds.number,
  maxLevels: kinds.number,
  areNamesShown: kinds.flag,
  imageTokens: kinds.number,
  parameters: kinds.object,
};

/** Returns what is missing to an address, which can hold a path or the first part of it. */
export function pathBelow(address: string, path: string): string {
  if (address.endsWith(path)) return '';
  const [first = ''] = /^\/[^/]+/.exec(path) ?? [];
  return first !== '' && address.endsWith(first) ? path.slice(first.length) : path;
}

/** What is known of the service at an address. */
export interface HostFacts {
  readonly decimals?: number;
  readonly questions?: number;
  readonly options?: number;
  readonly levels?: number;
  readonly imageTokens?: number;
}

interface DecisionService {
  readonly adapter: string;
  /** As the user gave it, checked. */
  readonly address: string;
  /** What comes after the address. */
  readonly path: string;
  readonly provider: {readonly own: string; readonly variable: string};
  readonly authorize?: Connection['authorize'];
  readonly host: HostFacts;
  readonly dialect: DecisionDialect;
  /** True if the service lists its models as OpenAI does. */
  readonly listsModels?: boolean;
  /** More fields of each request, which `parameters` can't replace. */
  readonly fields?: {readonly [field: string]: Json};
}

const MAX_QUESTIONS = 64;
/** Version of the reading of replies. */
const READER = 1;

/**
 * A service that answers typed questions as a teacher: one request carries the questions about one input.
 *
 * @throws InputError if the options can't be used
 */
export function decisionTeacher(
  options: DecisionOptions,
  {adapter, address, path, provider, authorize, host, dialect, listsModels, fields = {}}: DecisionService,
): Teacher<'gray-box'> {
  const {model, questions: list, parameters} = options;
  const service = standInFor(options, address);
  const name = `${adapter} ${model} at ${service}`;
  const {decimals = host.decimals ?? null} = options;
  const {expected} = options;
  if (expected) checkExpected(name, expected, list);
  const {maxQuestions: perRequest = host.questions ?? MAX_QUESTIONS} = options;
  checkAsked(name, options, host, dialect);
  checkNumber('maxQuestions', perRequest, 1);
  if (decimals !== null) checkNumber('decimals', decimals, 0);
  const bodyOf = (input: DecidedInput, questions: readonly Question[]) =>
    orderedJson({model, ...dialect.body(input, questions), ...parameters, ...fields});
  checkParameters(parameters, {model, ...dialect.body({kind: 'text', text: ''}, list)});
  const keyVariable = keyVariableFor(address, provider);
  const connection = openConnection(options, {name, keyVariable, address, ...(authorize && {authorize})});
  const asked: Asked = {
    ...{connection, dialect, perRequest, bodyOf},
    url: new URL(`${address}${path}`),
    decimals: decimals ?? undefined,
    expected,
    imageTokens: options.imageTokens ?? host.imageTokens,
  };
  const unbounded = unboundedBy(parameters);
  return {
    name,
    identity: {
      ...{adapter, service, path, ...headersInIdentity(options), model, mapping: dialect.mapping},
      ...(parameters && {parameters}),
      ...(Object.keys(fields).length > 0 && {fields}),
    },
    access: 'gray-box',
    classes: [],
    questions: {list, perRequest, areNamesShown: options.areNamesShown ?? false},
    ...detailsWith(
      list,
      ({type}) => expected !== undefined && type === 'score',
      others =>
        decimals === null
          ? {kind: 'log-probabilities'}
          : {kind: 'top-k', k: Math.max(...others.map(question => classesOf(question).length))},
    ),
    maxBatch: 1,
    concurrency: options.concurrency ?? CONCURRENCY,
    service: chargedService<'gray-box'>(
      options,
      {address, connection, ...(listsModels && {models: modelList(connection, address, model)})},
      {
        reader: {reading: READER, decimals, ...(options.expected && {expected: options.expected as Json})},
        read: (reply, count, _, questions = []) =>
          readQuestions(
            asked,
            reply,
            Array.from({length: count}, (_, row) => questions[row]),
          ),
        refusal: (reply, inputs) => statusError(connection, reply, {advice: dialect.refusalAdvice(reply), inputs}),
        receipt: reply => tried(() => dialect.receipt(documentOf(name, reply))) ?? {},
        worstCase: queries => totalBound(requestsFor(asked, queries).map(request => mostTokens(asked, request))),
        leastCase: queries => totalUsage(requestsFor(asked, queries).map(leastTokens)),
        ...(unbounded && {unbounded}),
        ...(dialect.note && {note: reply => tried(() => dialect.note?.(documentOf(name, reply)))}),
      },
    ),
    ask: (queries, askOptions) => askQuestions(asked, queries, askOptions),
  };
}

/** @throws InputError if a question can't be asked */
function checkAsked(
  name: string,
  {questions, maxOptions, maxLevels}: DecisionOptions,
  host: HostFacts,
  dialect: DecisionDialect,
): void {
  const {options = Number.POSITIVE_INFINITY, levels = Number.POSITIVE_INFINITY} = host;
  checkQuestions(name, questions, {options: maxOptions ?? options, levels: maxLevels ?? levels});
  for (const question of questions) {
    const problem = dialect.problemWith(question);
    if (problem !== undefined) throw new InputError(`The question \`${question.name}\` of teacher ${name} ${problem}.`);
  }
}

function checkNumber(option: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new InputError(`Expected \`${option}\` to be a whole number, ${least} or more, got ${value}.`);
}

function checkParameters(parameters: DecisionOptions['parameters'] = {}, own: object): void {
  const field = Object.keys(parameters).find(name => Object.hasOwn(own, name));
  if (field !== undefined)
    throw new InputError(`The field \`${field}\` is the adapter's own. Take it out of \`parameters\`.`);
}

/** Fields without a cost of their own. */
const HARMLESS = [
  ...['prompt_cache_key', 'prompt_cache_options', 'safety_identifier', 'temperature', 'decision_temperature', 'seed'],
  ...['chat_template_kwargs', 'prompt_format_version', 'return_prompt_token_ids'],
];

function unboundedBy(parameters: DecisionOptions['parameters'] = {}): Unbounded | undefined {
  const field = Object.keys(parameters).find(name => !HARMLESS.includes(name));
  if (field === undefined) return undefined;
  return {of: 'fees', problem: `The cost of the field \`${field}\` in \`parameters\` is unknown. Leave it out.`};
}

/** Undefined if a reply can't be read. */
function tried<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
