import {Agent, type Dispatcher} from 'undici';
import {InputError, TeacherError} from '../src/errors.ts';
import type {AskOptions, Detail, Outcome, Price, Query, Rate, Teacher} from '../src/teacher.ts';
import {type AliasOptions, readerWith} from './_answers/aliases.ts';
import {checkPlace, overHttp, transportTo} from './_open-inference/address.ts';
import {type Client, infer, type Model} from './_open-inference/client.ts';
import {batchesOf} from './_open-inference/inputs.ts';
import {type LabelOutput, outputNames, replyReader, type ScoreOutput} from './_open-inference/outputs.ts';
import {receiptOf} from './_open-inference/replies.ts';
import {DATATYPES} from './_open-inference/tensors.ts';
import {accountOf, knownKey} from './_wire/request.ts';

export type {LabelOutput, ScoreOutput} from './_open-inference/outputs.ts';

export interface OpenInferenceOptions extends AliasOptions {
  /**
   * Address of the service, without `/v2`. `grpc://host:port` or, with TLS, `grpcs://host:port` asks over gRPC, which
   * needs the package `@grpc/grpc-js`. A function is called once, before the first request, and needs `service`.
   */
  readonly url: string | (() => Promise<string>);
  /**
   * What stands for the address in the identity: answers are kept under it, so a service that moves keeps its answers.
   *
   * @default the address
   */
  readonly service?: string;
  readonly model: string;
  /** @default the service's choice */
  readonly version?: string;
  /** Names of the classes, in the order of the service's outputs. */
  readonly classes: readonly string[];
  /** The input as the service calls it; `datatype` where it is not that of the queries. */
  readonly input?: {
    /** @default 'input' */
    readonly name?: string;
    /** For example `FP64`. */
    readonly datatype?: string;
  };
  /**
   * Whether images and other tensors go over HTTP as bytes: the protocol's binary extension, which Triton has. They are
   * a fourth as long as in JSON, and ready 30 times sooner. `auto` asks the service whether it has the extension, once,
   * and sends texts as JSON. Over gRPC all go as bytes.
   *
   * @default 'auto'
   */
  readonly binary?: boolean | 'auto';
  /**
   * Sent as `Authorization: Bearer`. A function is called for every request.
   *
   * @default the environment variable LIMBECK_TEACHER_KEY
   */
  readonly key?: string | (() => string);
  /**
   * Queries in one request.
   *
   * @default 64
   */
  readonly maxBatch?: number;
  /**
   * Requests under way at once.
   *
   * @default 4
   */
  readonly concurrency?: number;
  /**
   * Milliseconds that one request may take.
   *
   * @default 30_000
   */
  readonly timeout?: number;
  /**
   * The longest body of a reply, in bytes. A longer one is left unread.
   *
   * @default 16 MiB
   */
  readonly maxReply?: number;
  /** The most that the account may ask, where the service's own headers don't tell. */
  readonly rate?: Rate;
  /** What the service charges, for budgets of money. */
  readonly price?: Price;
  /**
   * What carries the requests over HTTP: a proxy, or a mock.
   *
   * @default a pool of `concurrency` connections
   */
  readonly dispatcher?: Dispatcher;
}

/**
 * A model behind a service that speaks the Open Inference Protocol, version 2, over REST or gRPC: KServe, MLServer,
 * Triton, OpenVINO, or `limbeck serve`. It is as transparent as the output that is read: scores make it gray-box, labels
 * black-box. Probabilities become log-probabilities, those below 1e-38 taken for 1e-38; class names of a label output
 * are matched to `classes`.
 *
 * A text that the service refuses fails alone: its batch is halved until it is by itself.
 *
 * @throws InputError where the options can't be used
 */
export function openInference(options: OpenInferenceOptions & {readonly output: ScoreOutput}): Teacher<'gray-box'>;
export function openInference(options: OpenInferenceOptions & {readonly output: LabelOutput}): Teacher<'black-box'>;
export function openInference(options: OpenInferenceOptions & {readonly output: ScoreOutput | LabelOutput}): Teacher {
  const {url, model, version, classes, output, rate, price, maxBatch = 64, concurrency = 4} = options;
  const {aliases, timeout = 30_000, maxReply = 16 * 2 ** 20} = options;
  const {name: inputName = 'input', datatype} = options.input ?? {};
  checkDatatype(datatype);
  if (aliases !== undefined && !('label' in output) && !('topK' in output)) {
    throw new InputError('`aliases` are of classes that are named, and these scores come without names. Leave it out.');
  }
  const standIn = standInFor(options);
  const name = `open-inference ${model} at ${standIn}`;
  const dispatcher = options.dispatcher ?? new Agent({connections: concurrency});
  const key = keyReader(options.key);
  const target: Model = {
    connection: {name, key, timeout, maxReply, dispatcher},
    model,
    version,
    input: {name: inputName, datatype},
    outputs: outputNames(output),
  };
  const client: Client = {
    model: target,
    transport: transportTo(url, options, target),
    read: replyReader({name, output, classes, aliases}),
  };
  return {
    name,
    identity: {
      adapter: 'open-inference',
      service: standIn,
      model,
      version: version ?? null,
      input: {name: inputName, datatype: datatype ?? null},
      output: {...output},
      // Labels may come as names, which mean what the list says.
      ...('label' in output && {classes}),
    },
    access: 'label' in output ? 'black-box' : 'gray-box',
    classes,
    detail: detailOf(output),
    maxBatch,
    concurrency,
    service: {
      // A getter, since the key is read late.
      get account() {
        return accountOf(typeof url === 'string' ? overHttp(url) : standIn, key());
      },
      reader: readerWith(READER, aliases),
      read: client.read,
      receipt: receiptOf,
      ...(rate && {rate}),
      ...(price && {price}),
    },
    ask: (queries, askOptions) => askAll(client, queries, askOptions),
  };
}

/** Of `replyReader`. */
const READER = 1;

/** Asks in as few requests as the inputs allow. Throws only where not one query was answered. */
async function askAll(
  client: Client,
  queries: readonly Query[],
  {exchange = (_, send) => send(), ...rest}: AskOptions = {},
): Promise<readonly Outcome[]> {
  const outcomes = new Array<Outcome>(queries.length);
  const {connection, input} = client.model;
  const batches = batchesOf(queries, input, (row, problem) => {
    outcomes[row] = {error: new TeacherError(connection.name, problem)};
  });
  const [first] = batches;
  if (first?.rows.length === queries.length) return infer(client, first, {exchange, ...rest});
  const replies = await Promise.allSettled(batches.map(batch => infer(client, batch, {exchange, ...rest})));
  rest.signal?.throwIfAborted();
  const failure = replies.find(reply => reply.status === 'rejected');
  if (failure && replies.every(reply => reply.status === 'rejected')) throw failure.reason;
  for (const [index, reply] of replies.entries()) {
    for (const [position, row] of batches[index]!.rows.entries()) {
      outcomes[row] = reply.status === 'fulfilled' ? reply.value[position]! : {error: reply.reason};
    }
  }
  return outcomes;
}

/** What stands for the address in the identity. */
function standInFor(options: OpenInferenceOptions): string {
  const {url, service} = options;
  const address = typeof url === 'string' ? checkPlace(url, options) : undefined;
  const standIn = service ?? address;
  if (standIn !== undefined) return standIn;
  throw new InputError('A `url` that is a function needs `service`: a name that stands for the address.');
}

function checkDatatype(datatype: string | undefined): void {
  if (datatype === undefined || DATATYPES.includes(datatype)) return;
  throw new InputError(`There is no datatype ${datatype} of \`input\`. Name one of ${DATATYPES.join(', ')}.`);
}

function keyReader(key: OpenInferenceOptions['key']): () => string | undefined {
  return knownKey(typeof key === 'function' ? key : () => key ?? process.env['LIMBECK_TEACHER_KEY']);
}

function detailOf(output: ScoreOutput | LabelOutput): Detail {
  if ('label' in output) return {kind: 'label'};
  if ('topK' in output) return {kind: 'top-k', k: output.topK.k};
  return {kind: 'logits' in output ? 'logits' : 'log-probabilities'};
}
