import {InputError, TeacherError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {Question} from '../src/question.ts';
import type {AskOptions, Detail, Json, Outcome, Query, Teacher} from '../src/teacher.ts';
import {checkSubject, headFor, headsAmong, type QuestionOutputs, questionsOf} from './_answers/heads.ts';
import {ALIAS_KINDS, type AliasOptions, readerWith} from './_answers/labels.ts';
import {detailsWith} from './_answers/questions.ts';
import {checkServiceUrl, overHttp, transportTo} from './_open-inference/address.ts';
import {batchesOf, type Client, infer, type Model, refusalOf} from './_open-inference/client.ts';
import {
  type AnswerHead,
  type AnswerKind,
  type LabelOutput,
  outputNames,
  receiptOf,
  replyReader,
  type ScoreOutput,
} from './_open-inference/replies.ts';
import {DATATYPES} from './_open-inference/tensors.ts';
import {headersInIdentity} from './_wire/headers.ts';
import {
  askBatches,
  chargedService,
  openConnection,
  SERVICE_KINDS,
  type ServiceOptions,
  standInFor,
} from './_wire/service.ts';

export type {QuestionOutput, QuestionOutputs} from './_answers/heads.ts';
export type {LabelOutput, ScoreOutput} from './_open-inference/replies.ts';

export interface OpenInferenceOptions extends ServiceOptions, AliasOptions {
  /**
   * Address of the service, without `/v2`. `grpc://host:port` uses gRPC, and `grpcs://host:port` uses gRPC over TLS;
   * both need the package `@grpc/grpc-js`. A function is called once, before the first request, and needs `service`.
   */
  readonly url: string | (() => Promise<string>);
  /**
   * The name that replaces the address in the identity, so that a service that moves keeps its answers.
   *
   * @default the address
   */
  readonly service?: string;
  readonly model: string;
  /** @default the service's choice */
  readonly version?: string;
  /** Names of the classes, in the order of the service's outputs. Or give `questions`. */
  readonly classes?: readonly string[];
  /** The questions that its outputs answer; see `choice`, `predicate` and `score` of `limbeck/ask`. Or give `classes`. */
  readonly questions?: readonly Question[];
  /** The service's name of the input. Give `datatype` if it differs from the queries' own. */
  readonly input?: {
    /** @default 'input' */
    readonly name?: string;
    /** For example `FP64`. */
    readonly datatype?: string;
  };
  /**
   * If true, tensors go over HTTP as bytes, by the protocol's binary extension, which Triton has. They are a fourth as
   * long as in JSON, and encoded 30 times as fast. `auto` asks the service once whether it has the extension. Texts go
   * as JSON. Over gRPC all inputs go as bytes.
   *
   * @default 'auto'
   */
  readonly binary?: boolean | 'auto';
  /**
   * Queries in one request; with `questions`, inputs.
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
   * Milliseconds before one request times out.
   *
   * @default 30_000
   */
  readonly timeout?: number;
}

const KINDS = {
  ...SERVICE_KINDS,
  ...ALIAS_KINDS,
  url: kinds.textOrCall,
  service: kinds.text,
  model: kinds.text,
  version: kinds.text,
  classes: kinds.texts,
  questions: kinds.list,
  input: kinds.object,
  binary: oneOf(true, false, 'auto'),
  maxBatch: kinds.number,
  output: kinds.object,
} satisfies Shape<OpenInferenceOptions & {readonly output: unknown}>;

/**
 * A model behind a service that speaks the Open Inference Protocol, version 2, over REST or gRPC: KServe, MLServer,
 * Triton, OpenVINO, or `limbeck serve`. The output that is read decides the access: scores make it gray-box, labels
 * black-box. Probabilities become log-probabilities; those below 1e-38 become 1e-38 first. Class names in a label
 * output are matched to `classes`.
 *
 * With `questions`, `output` names the output of each, or one output with a column for each predicate.
 *
 * If the service refuses an input, only that input fails: its batch is halved until the input is alone.
 *
 * @throws InputError if the options can't be used
 */
export function openInference(
  options: OpenInferenceOptions & {readonly output: ScoreOutput | QuestionOutputs<ServedScores>},
): Teacher<'gray-box'>;
export function openInference(
  options: OpenInferenceOptions & {readonly output: LabelOutput | QuestionOutputs<'label'>},
): Teacher<'black-box'>;
export function openInference(options: OpenInferenceOptions & {readonly output: AnyOutput}): Teacher {
  checkOptions('openInference', options, KINDS, ['url', 'model', 'output']);
  const {url, model, version, output, aliases, maxBatch = 64, concurrency = 4, timeout = 30_000} = options;
  const {name: inputName = 'input', datatype} = options.input ?? {};
  checkDatatype(datatype);
  const {classes = [], heads, details, outputs, isLabel} = subjectOf(options);
  if (aliases !== undefined && !isLabel && !('topK' in output)) {
    throw new InputError('`aliases` are for classes with names, and these scores come without names. Leave it out.');
  }
  const standIn = standInOf(options);
  const name = `open-inference ${model} at ${standIn}`;
  const address = typeof url === 'string' ? overHttp(url) : undefined;
  const connection = openConnection(
    {...options, concurrency, timeout},
    {name, keyVariable: 'LIMBECK_TEACHER_KEY', address},
  );
  const target: Model = {
    connection,
    model,
    version,
    input: {name: inputName, datatype},
    outputs,
  };
  const client: Client = {
    model: target,
    transport: transportTo(url, options, target),
    read: replyReader({name, output: heads ?? (output as ScoreOutput | LabelOutput), classes, aliases}),
  };
  return {
    name,
    identity: {
      adapter: 'open-inference',
      service: standIn,
      model,
      version: version ?? null,
      input: {name: inputName, datatype: datatype ?? null},
      // The output of each question is in the keys of its own answers.
      ...(!heads && {output: {...output} as Json}),
      // A label output can hold names, which the list gives a meaning.
      ...(!heads && isLabel && {classes}),
      ...headersInIdentity(options),
    },
    access: isLabel ? 'black-box' : 'gray-box',
    classes,
    questions: heads && questionsOf(heads),
    ...details,
    maxBatch,
    concurrency,
    service: chargedService(
      options,
      {address: address ?? standIn, connection},
      {
        reader: readerWith(READER, aliases),
        read: (reply, count, _, questions) => client.read(reply, count, questions),
        refusal: (reply, inputs) => refusalOf(connection, reply, inputs),
        receipt: receiptOf,
      },
    ),
    ask: (queries, askOptions) => askAll(client, queries, askOptions),
  };
}

/** Version of `replyReader`. */
const READER = 1;

/** Asks in as few requests as the inputs allow. Throws only if no query was answered. */
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
  await askBatches(batches, batch => infer(client, batch, {exchange, ...rest}), outcomes, rest.signal);
  return outcomes;
}

/** Returns the name that replaces the address in the identity. */
function standInOf(options: OpenInferenceOptions): string {
  const {url, service} = options;
  if (typeof url === 'string') return standInFor(options, checkServiceUrl(url, options));
  if (service !== undefined) return service;
  throw new InputError('A `url` that is a function needs `service`: a name that replaces the address.');
}

function checkDatatype(datatype: string | undefined): void {
  if (datatype === undefined || DATATYPES.includes(datatype)) return;
  throw new InputError(`\`input\` has no datatype ${datatype}. Use one of ${DATATYPES.join(', ')}.`);
}

/** The kinds of an output of scores that can answer a question. */
type ServedScores = 'logits' | 'logProbabilities' | 'probabilities' | 'expected';
type AnyOutput = ScoreOutput | LabelOutput | QuestionOutputs<ServedScores> | QuestionOutputs<'label'>;

const SCORES: readonly AnswerKind[] = ['logits', 'logProbabilities', 'probabilities', 'expected'];

/** What a model is asked, and the outputs that answer it. */
interface Subject {
  readonly classes?: readonly string[] | undefined;
  readonly heads?: readonly AnswerHead[];
  readonly details: Pick<Teacher, 'detail' | 'details'>;
  /** Names of the outputs to ask for. */
  readonly outputs: readonly string[];
  readonly isLabel: boolean;
}

function subjectOf({model, classes, questions, output}: OpenInferenceOptions & {readonly output: AnyOutput}): Subject {
  const owner = `openInference ${model}`;
  checkSubject(owner, {classes, questions});
  if (questions === undefined) {
    const given = output as ScoreOutput | LabelOutput;
    if ('expected' in output)
      throw new InputError(`\`expected\` of ${owner} answers a score. Give it as \`questions\`.`);
    return {classes, details: {detail: detailOf(given)}, outputs: outputNames(given), isLabel: 'label' in given};
  }
  const heads = headsAmong<AnswerKind>([...SCORES, 'label'], owner, {
    questions,
    output: output as QuestionOutputs<AnswerKind>,
  });
  const labels = heads.filter(({kind}) => kind === 'label').length;
  if (labels > 0 && labels < heads.length) {
    throw new InputError(`${owner} gives labels of some questions and scores of others. Make a teacher of each.`);
  }
  const distributions = heads.filter(({kind}) => kind !== 'expected');
  const scores = distributions.every(({kind}) => kind === 'logits') ? 'logits' : 'log-probabilities';
  const details = detailsWith(
    questions,
    question => headFor(heads, {question})?.kind === 'expected',
    () => ({kind: labels > 0 ? 'label' : scores}),
  );
  return {
    ...{heads, details, isLabel: labels > 0},
    outputs: [...new Set(heads.map(head => head.output))],
  };
}

function detailOf(output: ScoreOutput | LabelOutput): Detail {
  if ('label' in output) return {kind: 'label'};
  if ('topK' in output) return {kind: 'top-k', k: output.topK.k};
  return {kind: 'logits' in output ? 'logits' : 'log-probabilities'};
}
