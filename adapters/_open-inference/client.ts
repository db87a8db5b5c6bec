import {TeacherError} from '../../src/errors.ts';
import type {Exchange, Outcome, Reply} from '../../src/teacher.ts';
import {type Explain, statusError} from '../_wire/reply.ts';
import type {Connection} from '../_wire/request.ts';
import {type Batch, halvesOf, type InputForm} from './inputs.ts';
import type {ReplyReader} from './outputs.ts';

/** One model of one service. */
export interface Model {
  readonly connection: Connection;
  readonly model: string;
  readonly version: string | undefined;
  readonly input: InputForm;
  /** Names of the outputs to ask for. */
  readonly outputs: readonly string[];
}

/** Sends a request, and rejects only where no whole reply came. */
export type Send = () => Promise<Reply>;

/** What carries queries about one model to the service, and replies back. */
export interface Transport {
  /**
   * Makes ready what asks about a batch; nothing that it does for that is charged.
   *
   * @returns what sends the request
   */
  prepare(batch: Batch, signal?: AbortSignal): Promise<Send> | Send;
  /** The service's models, as messages name them; undefined where it doesn't tell. Never rejects. */
  models(signal?: AbortSignal): Promise<readonly string[] | undefined>;
}

/** A model, how it is reached and how its replies are read. */
export interface Client {
  readonly model: Model;
  readonly transport: () => Promise<Transport>;
  readonly read: ReplyReader;
}

/** How one call asks. */
export interface InferOptions {
  readonly exchange: Exchange;
  readonly signal?: AbortSignal;
}

/**
 * Asks about one batch with one request, or with more where the service refuses a batch that it may take in parts.
 *
 * @returns an outcome each, in order
 * @throws TeacherError where the service as a whole fails
 */
export async function infer(client: Client, batch: Batch, options: InferOptions): Promise<readonly Outcome[]> {
  const {connection} = client.model;
  const transport = await client.transport();
  const prepared = transport.prepare(batch, options.signal);
  const send = prepared instanceof Promise ? await prepared : prepared;
  const reply = await options.exchange(batch.rows, send);
  if (reply.status === 200) return client.read(reply, batch.rows.length);
  if (reply.status === 404) throw await notFound(client.model, transport, options.signal);
  const error = statusError(connection, reply, explain);
  if (!error.refusal) throw error;
  if (!isDivisible(batch, reply)) return batch.rows.map(() => ({error}));
  const [first, second] = halvesOf(batch);
  return [...(await infer(client, first, options)), ...(await infer(client, second, options))];
}

/** Another kind of service than is asked for: nothing that may pass. */
const explain: Explain = ({status}) =>
  status === 501 ? {problem: 'It has no inference of this protocol. Check `url`.', retryable: false} : undefined;

/** Tensors of one batch are alike, so a refusal is of them all; a text may be refused for what it says. */
function isDivisible({inputs}: Batch, {status}: Reply): boolean {
  return inputs.length > 1 && (status === 413 || inputs[0]!.kind === 'text');
}

/** Says what the service has instead, where it tells. Looking costs nothing, so it goes through no exchange. */
async function notFound(
  {connection, model, version}: Model,
  transport: Transport,
  signal?: AbortSignal,
): Promise<TeacherError> {
  const wanted = version === undefined ? `model \`${model}\`` : `model \`${model}\`, version \`${version}\``;
  const present = await transport.models(signal);
  signal?.throwIfAborted();
  const advice = present?.length
    ? `It has: ${present.join(', ')}. Check \`model\` and \`version\`.`
    : 'Check `url`, `model` and `version`.';
  return new TeacherError(connection.name, `It answered 404: no ${wanted}. ${advice}`, {status: 404});
}
