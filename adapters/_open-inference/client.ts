import {TeacherError} from '../../src/errors.ts';
import type {Exchange, Input, Outcome, Reply} from '../../src/teacher.ts';
import {type RefusalAdvice, said, sayingOf, statusError} from '../_wire/refusal.ts';
import {isPage} from '../_wire/reply.ts';
import type {Connection} from '../_wire/request.ts';
import type {Batch, InputForm} from './inputs.ts';
import type {ReplyReader} from './replies.ts';

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
  const reply = await options.exchange(batch.rows, send);
  if (reply.status === 200) return client.read(reply, batch.rows.length);
  if (reply.status === 404 && !isPage(reply.body)) throw await notFound(client.model, transport, reply, options.signal);
  const error = refusalOf(connection, reply, batch.inputs);
  if (!error.refusal) throw error;
  // One error for all: the layer above asks about parts of them.
  return batch.rows.map(() => ({error}));
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
