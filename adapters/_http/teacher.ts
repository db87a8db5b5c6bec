import {InputError, TeacherError} from '../../src/errors.ts';
import {kindProblem} from '../../src/input-kinds.ts';
import {withWait} from '../../src/pace/service-limits.ts';
import type {Question, Questions} from '../../src/question.ts';
import type {
  Access,
  AskOptions,
  Detail,
  Exchange,
  Input,
  Json,
  Outcome,
  Query,
  Reply,
  Service,
  Teacher,
  Usage,
} from '../../src/teacher.ts';
import {checkSubject} from '../_answers/heads.ts';
import {type Aliases, labelOfText, readerWith} from '../_answers/labels.ts';
import {headersInIdentity} from '../_wire/headers.ts';
import {batchesByForm, type InputBatch, withRows} from '../_wire/input-batches.ts';
import {modelList} from '../_wire/model-list.ts';
import {type RefusalAdvice, statusError} from '../_wire/refusal.ts';
import {type Connection, postJson} from '../_wire/request.ts';
import {
  askBatches,
  CONCURRENCY,
  chargedService,
  openConnection,
  type ServiceAddress,
  type ServiceOptions,
} from '../_wire/service.ts';
import {
  type AnswerLocation,
  type LabelLocation,
  type LevelLocation,
  type OutputOptions,
  outputReader,
  type ScoreLocation,
  type VectorLocation,
} from './output.ts';
import {type QuestionLocations, questionsReader} from './questions.ts';
import {type ReceiptLocation, receiptReader} from './receipt.ts';
import type {Template} from './template.ts';

/** A service whose requests are made from a template and whose replies are read by pointers. */
interface MappedService<Output extends AnswerLocation | QuestionLocations = AnswerLocation | QuestionLocations>
  extends ServiceAddress,
    Pick<JsonService<never>, 'url' | 'headers' | 'refusalAdvice' | 'refusesInput'> {
  readonly identity: Teacher['identity'];
  /** Undefined if it has questions. */
  readonly classes?: readonly string[] | undefined;
  /** Undefined if it has classes. `output` is then the location of the answer to each. */
  readonly questions?: readonly Question[] | undefined;
  /** @default as `classes` */
  readonly labels?: readonly string[] | undefined;
  /** Absent if the adapter has no aliases. */
  readonly aliases?: Aliases | undefined;
  /** One per kind of input that it can be asked about: all for one query, or all for several. */
  readonly templates: readonly Template[];
  readonly output: Output;
  /** The location of each answer's index among the queries, if the service can give it. */
  readonly index?: string | undefined;
  /** The location of the error in a reply with status 200. */
  readonly error?: string | undefined;
  readonly receipt?: ReceiptLocation | undefined;
  /** Advice if a reply lacks the value to read; see `OutputOptions`. */
  readonly advice?: string;
  /** Converts the value at `output` into a label or scores, or returns the problem with it. */
  readonly shape?: NonNullable<OutputOptions['shape']>;
  /** The model of a service that lists its models as OpenAI does. Absent if it has no such list. */
  readonly listsModels?: string | undefined;
  /** Queries in one request. */
  readonly maxBatch: number;
  /** The most tokens of a request with this body. Absent if none are counted. */
  readonly mostTokens?: (body: Json) => Usage;
}

/** @throws InputError if the template, the pointers, the labels or `maxBatch` can't be used */
export function mappedTeacher(
  options: ServiceOptions,
  service: MappedService<
    ScoreLocation | LevelLocation | VectorLocation | QuestionLocations<ScoreLocation | LevelLocation>
  >,
): Teacher<'gray-box'>;
export function mappedTeacher(options: ServiceOptions, service: MappedService<LabelLocation>): Teacher<'black-box'>;
export function mappedTeacher(options: ServiceOptions, service: MappedService): Teacher;
export function mappedTeacher(options: ServiceOptions, service: MappedService): Teacher {
  const {name, url, identity, classes = [], labels = classes, receipt = {}, maxBatch, templates} = service;
  const {concurrency = CONCURRENCY} = options;
  // A vector is of no class. Beside questions, `vector` is the name of one.
  if (service.questions !== undefined || !('vector' in service.output)) checkSubject(name, service);
  const [named, kind] = service.questions ? [service.questions, 'questions'] : [classes, 'classes'];
  if ((service.labels ?? named).length !== named.length) {
    throw new InputError(
      `There are ${labels.length} \`labels\` for ${named.length} ${kind}. Give one per ${service.questions ? 'question' : 'class'}, in order.`,
    );
  }
  if (!Number.isInteger(maxBatch) || maxBatch < 1) {
    throw new InputError(`Expected \`maxBatch\` to be a whole number above 0, got ${maxBatch}.`);
  }
  if (maxBatch > 1 && !templates[0]!.isBatch) {
    throw new InputError(
      '`maxBatch` needs placeholders for several inputs in `request`: {texts}, {tensors} or {each}.',
    );
  }
  const connection = openConnection(options, {...service, address: service.address ?? url.href});
  const {detail, details, questions, read} = readerOf({...service, classes}, templates[0]!.isBatch);
  const asked: JsonService<'gray-box' | 'black-box'> = {...service, connection, read};
  return {
    name,
    // The adapter's own come last: `http` shows its headers as they are.
    identity: {...headersInIdentity(options), ...identity},
    access: detail.kind === 'label' ? 'black-box' : 'gray-box',
    classes,
    questions,
    detail,
    details,
    maxBatch,
    concurrency,
    service: chargedService(
      options,
      {
        address: url.origin,
        connection,
        ...(service.listsModels && {models: modelList(connection, service.address ?? url.origin, service.listsModels)}),
      },
      {
        reader: readerWith(READER, service.aliases),
        read: (reply, count, _, about) => read(reply, count, about),
        // Other questions can have other words.
        ...(!questions && classes.length > 0 && {labelOf: labelOfText({classes, labels, aliases: service.aliases})}),
        refusal: (reply, inputs) => refusalOf(asked, reply, inputs),
        receipt: receiptReader(receipt),
        ...boundOf(service),
      },
    ),
    ask: (queries, askOptions) => askJson(asked, queries, askOptions),
  };
}

/** Of one template: all queries fit into one request. */
function boundOf({templates, mostTokens}: MappedService): Pick<Service, 'worstCase'> {
  if (mostTokens === undefined) return {};
  return {worstCase: queries => mostTokens(templates[0]!.fill(queries.map(({input}) => input)))};
}

/** How replies are read. */
interface Reading extends Pick<JsonService<Access>, 'read'> {
  readonly detail: Detail;
  readonly details?: Teacher['details'];
  readonly questions?: Questions;
}

function readerOf(service: MappedService & {readonly classes: readonly string[]}, isBatch: boolean): Reading {
  const {name, questions: list, output, aliases} = service;
  if (list === undefined) {
    const {labels = service.classes} = service;
    const {detail, read} = outputReader({...service, labels, output: output as AnswerLocation, isBatch});
    return {detail, read: (reply, count) => read(name, reply, count)};
  }
  const typed = {...service, questions: list, output: output as QuestionLocations, aliases, isBatch};
  const {read, ...others} = questionsReader(name, typed);
  return {
    ...others,
    read: (reply, count, about = []) =>
      read(
        name,
        reply,
        Array.from({length: count}, (_, row) => about[row]),
      ),
  };
}

/** Version of the reading of replies. */
const READER = 1;

/** A service that takes JSON by POST. */
interface JsonService<A extends Access> {
  readonly connection: Connection;
  readonly url: URL;
  /** Added to the headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** One per kind of input that it can be asked about. */
  readonly templates: readonly Template[];
  /** Reads a reply with status 200; see `Service`. */
  readonly read: (reply: Reply, count: number, questions?: readonly (Question | undefined)[]) => readonly Outcome<A>[];
  /** What to do about the service's own refusals. */
  readonly refusalAdvice?: (reply: Reply) => RefusalAdvice;
  /**
   * True if a reply refuses these very inputs, so that others can still be asked about.
   *
   * @default by status: 400, 413 or 422
   */
  readonly refusesInput?: (reply: Reply) => boolean;
}

/** Queries that fit into one request. */
interface Batch extends InputBatch {
  readonly template: Template;
}

/** Options of one call. */
interface SendOptions {
  readonly exchange: Exchange;
  readonly signal?: AbortSignal;
}

/**
 * Asks in as few requests as the inputs allow.
 *
 * @throws TeacherError if no query was answered, and no query is to blame
 */
async function askJson<A extends Access>(
  service: JsonService<A>,
  queries: readonly Query[],
  {exchange = (_, send) => send(), signal}: AskOptions = {},
): Promise<readonly Outcome<A>[]> {
  const outcomes = new Array<Outcome<A>>(queries.length);
  const batches = batchesOf(service, queries, (row, error) => {
    outcomes[row] = {error};
  });
  const options = {exchange, ...(signal && {signal})};
  await askBatches(batches, batch => askBatch(service, batch, options), outcomes, signal);
  return outcomes;
}

/** Sends one request. */
async function askBatch<A extends Access>(
  service: JsonService<A>,
  batch: Batch,
  options: SendOptions,
): Promise<readonly Outcome<A>[]> {
  const {connection, url, headers = {}} = service;
  const {signal} = options;
  const body = batch.template.fill(batch.inputs) as object;
  const send = async () => withRows(withWait(await postJson(connection, url, body, {signal, headers})), batch);
  const reply = await options.exchange(batch.rows, send);
  if (reply.status === 200) return service.read(reply, batch.rows.length, batch.questions);
  const error = refusalOf(service, reply, batch.inputs);
  if (!error.refusal) throw error;
  // One error for all: the layer above asks about parts of them. Those about one input can't be parted.
  const isOne = batch.inputs.length === 1;
  return batch.rows.map(() => ({error: isOne ? refusalOf(service, reply, batch.inputs) : error}));
}

/** Returns the error for a reply with a status other than 200. */
function refusalOf(
  {connection, refusalAdvice, refusesInput}: Pick<JsonService<never>, 'connection' | 'refusalAdvice' | 'refusesInput'>,
  reply: Reply,
  inputs: readonly Input[],
): TeacherError {
  return statusError(connection, reply, {advice: refusalAdvice?.(reply), inputs, refuses: refusesInput});
}

/** Sorts queries into batches. Calls `refuse` for those that no request can hold. */
function batchesOf<A extends Access>(
  {templates, connection}: JsonService<A>,
  queries: readonly Query[],
  refuse: (row: number, error: Error) => void,
): readonly Batch[] {
  const templateFor = (input: Input) => templates.find(({carries}) => carries === input.kind);
  const formIn = (input: Input, index: number) => {
    const template = templateFor(input);
    const problem = problemWith(input);
    if (template !== undefined && problem === undefined) return template.isBatch ? formOf(input) : String(index);
    const why = problem ?? kindProblem([templates[0]!.carries], input);
    return new TeacherError(connection.name, why);
  };
  return batchesByForm(queries, formIn, refuse).map(batch => ({...batch, template: templateFor(batch.inputs[0]!)!}));
}

function formOf(input: Input): string {
  return input.kind === 'tensor' ? `${input.dtype} ${input.shape.join()}` : input.kind;
}

function problemWith(input: Input): string | undefined {
  if (input.kind !== 'tensor') return undefined;
  const size = input.shape.reduce((product, length) => product * length, 1);
  if (input.data.length !== size) {
    return `An input of shape [${input.shape.join(', ')}] holds ${size} values, got ${input.data.length}.`;
  }
  if (input.dtype === 'float32' && !input.data.every(Number.isFinite))
    return 'An input holds NaN or an infinite value, which JSON can not hold.';
  return undefined;
}
