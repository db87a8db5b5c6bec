import {TeacherError} from '../../src/errors.ts';
import {kindProblem} from '../../src/input-kinds.ts';
import type {Exchange, Input, Outcome, Query, Reply, TensorInput} from '../../src/teacher.ts';
import {batchesByForm, type InputBatch, withRows} from '../_wire/input-batches.ts';
import {type RefusalAdvice, said, sayingOf, statusError} from '../_wire/refusal.ts';
import {isPage} from '../_wire/reply.ts';
import type {Connection} from '../_wire/request.ts';
import type {ReplyReader} from './replies.ts';
import {canHold, type TensorHead} from './tensors.ts';

/** One model of one service. */
export interface Model {
  readonly connection: Connection;
  readonly model: string;
  readonly version: string | undefined;
  readonly input: InputForm;
  /** Names of the outputs to ask for. */
  readonly outputs: readonly string[];
}

/** Sends a request. It rejects only if no whole reply came. */
export type Send = () => Promise<Reply>;

/** Carries queries about one model to the service, and replies back. */
export interface Transport {
  /**
   * Prepares the request of a batch. Nothing that it does is charged.
   *
   * @returns a function that sends the request
   */
  prepare(batch: Batch, signal?: AbortSignal): Promise<Send> | Send;
  /** Returns the service's models as messages name them; undefined if it doesn't list them. Never rejects. */
  models(signal?: AbortSignal): Promise<readonly string[] | undefined>;
}

/** A model, its transport and the reader of its replies. */
export interface Client {
  readonly model: Model;
  readonly transport: () => Promise<Transport>;
  readonly read: ReplyReader;
}

/** Options of one call. */
interface InferOptions {
  readonly exchange: Exchange;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks about one batch with one request.
 *
 * @returns one outcome per query, in order
 * @throws TeacherError if the service as a whole fails
 */
export async function infer(client: Client, batch: Batch, options: InferOptions): Promise<readonly Outcome[]> {
  const {connection} = client.model;
  const transport = await client.transport();
  const prepared = transport.prepare(batch, options.signal);
  const send = prepared instanceof Promise ? await prepared : prepared;
  const {rows, questions} = batch;
  const reply = await options.exchange(rows, questions ? async () => withRows(await send(), batch) : send);
  if (reply.status === 200) return client.read(reply, rows.length, questions);
  if (reply.status === 404 && !isPage(reply.body)) throw await notFound(client.model, transport, reply, options.signal);
  const error = refusalOf(connection, reply, batch.inputs);
  if (!error.refusal) throw error;
  // One error for all: the layer above asks about parts of them. Those about one input can't be parted.
  const isOne = batch.inputs.length === 1;
  return rows.map(() => ({error: isOne ? refusalOf(connection, reply, batch.inputs) : error}));
}

/** Returns the error for a refusal, as far as the reply tells. */
export function refusalOf(connection: Connection, reply: Reply, inputs: readonly Input[]): TeacherError {
  return statusError(connection, reply, {advice, inputs});
}

/** Another kind of service answers 501, so a retry does not help. */
const advice: RefusalAdvice = {
  byCause: {model: 'It has no such model. Check `model` and `version`.'},
  byStatus: {501: {problem: 'It has no inference of this protocol. Check `url`.', retryable: false}},
};

/** Names the models that the service has instead, if it lists them. Listing is free, so it bypasses the exchange. */
async function notFound(
  {connection, model, version}: Model,
  transport: Transport,
  reply: Reply,
  signal?: AbortSignal,
): Promise<TeacherError> {
  const wanted = version === undefined ? `model \`${model}\`` : `model \`${model}\`, version \`${version}\``;
  const present = await transport.models(signal);
  signal?.throwIfAborted();
  const next = present?.length
    ? `It has: ${present.join(', ')}. Check \`model\` and \`version\`.`
    : 'Check `url`, `model` and `version`.';
  return new TeacherError(connection.name, `It answered ${said(sayingOf(reply))} It has no ${wanted}. ${next}`, {
    status: 404,
  });
}

/** Inputs that fit into one request: the same datatype and shape. */
export type Batch = InputBatch;

/** The service's name and datatype of its input. */
interface InputForm {
  readonly name: string;
  /** Undefined if it is the datatype of the queries. */
  readonly datatype: string | undefined;
}

/** Sorts queries into batches. Calls `refuse` for those that no request can hold. */
export function batchesOf(
  queries: readonly Query[],
  {datatype}: InputForm,
  refuse: (row: number, problem: string) => void,
): readonly Batch[] {
  const formOf = (input: Input) => {
    const problem = problemWith(input, datatype);
    if (problem !== undefined) return new Error(problem);
    return input.kind === 'tensor' ? `${input.dtype} ${input.shape.join()}` : input.kind;
  };
  return batchesByForm(queries, formOf, (row, {message}) => refuse(row, message));
}

function problemWith(input: Input, datatype: string | undefined): string | undefined {
  if (input.kind === 'text') return undefined;
  if (input.kind !== 'tensor') return kindProblem(['text', 'tensor'], input);
  const size = input.shape.reduce((product, length) => product * length, 1);
  if (input.data.length !== size) {
    return `An input of shape [${input.shape.join(', ')}] holds ${size} values, got ${input.data.length}.`;
  }
  if (input.dtype === 'float32' && !input.data.every(Number.isFinite))
    return 'An input holds NaN or an infinite value, which not every form of the protocol can hold.';
  if (datatype !== undefined && datatype !== datatypes[input.dtype] && !canHold(datatype, input.data))
    return `An input holds values that ${datatype} can not. Check \`input.datatype\`.`;
  return undefined;
}

const datatypes: Record<TensorInput['dtype'], string> = {uint8: 'UINT8', int32: 'INT32', float32: 'FP32'};

/** Returns the head of one tensor for all inputs of a batch. Texts have shape [n, 1], which Triton's batching needs. */
export function headOf(inputs: readonly Input[], {name, datatype}: InputForm): TensorHead {
  const first = inputs[0]!;
  if (first.kind === 'text') {
    return {name, datatype: 'BYTES', shape: [inputs.length, 1], parameters: {content_type: 'str'}};
  }
  const {dtype, shape} = first as TensorInput;
  return {name, datatype: datatype ?? datatypes[dtype], shape: [inputs.length, ...shape]};
}

/** Returns that tensor's values for JSON. */
export function valuesOf(inputs: readonly Input[]): readonly (number | string)[] {
  if (inputs[0]!.kind === 'text') return inputs.map(input => (input as {readonly text: string}).text);
  return joined(inputs as readonly TensorInput[]);
}

/** Returns all values in one array. It uses a loop, because this takes most of the time of asking about images. */
function joined(inputs: readonly TensorInput[]): number[] {
  const size = inputs[0]!.data.length;
  const values = new Array<number>(inputs.length * size);
  for (const [row, {data}] of inputs.entries()) {
    for (let index = 0; index < size; index++) values[row * size + index] = data[index]!;
  }
  return values;
}
