import {InputError, TeacherError} from '../../src/errors.ts';
import {kindProblem} from '../../src/input-kinds.ts';
import {withWait} from '../../src/pace/service-limits.ts';
import type {Access, AskOptions, Exchange, Input, Outcome, Query, Reply, Teacher} from '../../src/teacher.ts';
import {type Aliases, labelOfText, readerWith} from '../_answers/labels.ts';
import {headersInIdentity} from '../_wire/headers.ts';
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
  type LabelLocation,
  type OutputOptions,
  outputReader,
  type ReceiptLocation,
  receiptReader,
  type ScoreLocation,
} from './output.ts';
import type {Template} from './template.ts';

/** A service whose requests are made from a template and whose replies are read by pointers. */
interface MappedService<Output extends ScoreLocation | LabelLocation = ScoreLocation | LabelLocation>
  extends ServiceAddress,
    Pick<JsonService<never>, 'url' | 'headers' | 'refusalAdvice' | 'refusesInput'> {
  readonly identity: Teacher['identity'];
  readonly classes: readonly string[];
  /** @default as `classes` */
  readonly labels?: readonly string[] | undefined;
  /** Absent if the adapter has no aliases. */
  readonly aliases?: Aliases | undefined;
  /** One per kind of input that it can be asked about: all for one query, or all for several. */
  readonly templates: readonly Template[];
  readonly output: Output;
  /** The location of the error in a reply with status 200. */
  readonly error?: string | undefined;
  readonly receipt?: ReceiptLocation | undefined;
  /** Advice if a reply lacks the value to read; see `OutputOptions`. */
  readonly advice?: string;
  /** Converts the value at `output` into a label or scores, or returns the problem with it. */
  readonly shape?: NonNullable<OutputOptions['shape']>;
  /** Queries in one request. */
  readonly maxBatch: number;
}

/** @throws InputError if the template, the pointers, the labels or `maxBatch` can't be used */
export function mappedTeacher(options: ServiceOptions, service: MappedService<ScoreLocation>): Teacher<'gray-box'>;
export function mappedTeacher(options: ServiceOptions, service: MappedService<LabelLocation>): Teacher<'black-box'>;
export function mappedTeacher(options: ServiceOptions, service: MappedService): Teacher;
export function mappedTeacher(options: ServiceOptions, service: MappedService): Teacher {
  const {name, url, identity, classes, labels = classes, receipt = {}, maxBatch, templates} = service;
  const {concurrency = CONCURRENCY} = options;
  if (labels.length !== classes.length) {
    throw new InputError(
      `There are ${labels.length} \`labels\` for ${classes.length} classes. Give one per class, in order.`,
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
  const {detail, read} = outputReader({
    ...service,
    labels,
    isBatch: templates[0]!.isBatch,
  });
  const asked: JsonService<'gray-box' | 'black-box'> = {
    ...service,
    connection,
    read: (reply, count) => read(name, reply, count),
  };
  return {
    name,
    // The adapter's own come last: `http` shows its headers as they are.
    identity: {...headersInIdentity(options), ...identity},
    access: detail.kind === 'label' ? 'black-box' : 'gray-box',
    classes,
    detail,
    maxBatch,
    concurrency,
    service: chargedService(
      options,
      {address: url.origin, connection},
      {
        reader: readerWith(READER, service.aliases),
        read: asked.read,
        labelOf: labelOfText({classes, labels, aliases: service.aliases}),
        refusal: (reply, inputs) => refusalOf(asked, reply, inputs),
        receipt: receiptReader(receipt),
      },
    ),
    ask: (queries, askOptions) => askJson(asked, queries, askOptions),
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
  readonly read: (reply: Reply, count: number) => readonly Outcome<A>[];
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
interface Batch {
  readonly template: Template;
  /** Indices of the queries in the call. */
  readonly rows: readonly number[];
  readonly inputs: readonly Input[];
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
  const send = async () => withWait(await postJson(connection, url, body, {signal, headers}));
  const reply = await options.exchange(batch.rows, send);
  if (reply.status === 200) return service.read(reply, batch.rows.length);
  const error = refusalOf(service, reply, batch.inputs);
  if (!error.refusal) throw error;
  // One error for all: the layer above asks about parts of them.
  return batch.rows.map(() => ({error}));
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
  refuse: (row: number, error: TeacherError) => void,
): readonly Batch[] {
  const batches = new Map<string, Batch & {readonly rows: number[]; readonly inputs: Input[]}>();
  for (const [row, {input}] of queries.entries()) {
    const template = templates.find(({carries}) => carries === input.kind);
    const problem = problemWith(input);
    if (template === undefined || problem !== undefined) {
      const why = problem ?? kindProblem([templates[0]!.carries], input);
      refuse(row, new TeacherError(connection.name, why));
      continue;
    }
    const form = template.isBatch ? formOf(input) : String(row);
    const batch = batches.get(form) ?? {template, rows: [], inputs: []};
    batch.rows.push(row);
    batch.inputs.push(input);
    batches.set(form, batch);
  }
  return [...batches.values()];
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
