import {z} from 'zod';
import {TeacherError} from '../src/errors.ts';
import type {Exchange, Outcome, Reply} from '../src/teacher.ts';
import {type Batch, halvesOf, toWire} from './_open-inference-inputs.ts';
import {type LabelOutput, outputNames, type ReplyReader, type ScoreOutput} from './_open-inference-outputs.ts';
import {parseJson, statusError} from './_reply.ts';
import {type Connection, postJson} from './_request.ts';

/** Where requests go. */
export interface Place {
  readonly infer: URL;
  /** Tells which models there are. */
  readonly index: URL;
}

/** @param address - of the service, without a slash at its end */
export function placeOf(address: string, model: string, version: string | undefined): Place {
  const suffix = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
  return {
    infer: new URL(`${address}/v2/models/${encodeURIComponent(model)}${suffix}/infer`),
    index: new URL(`${address}/v2/repository/index`),
  };
}

/** One model of one service. */
export interface Model {
  readonly connection: Connection;
  readonly place: () => Promise<Place>;
  readonly model: string;
  readonly version: string | undefined;
  readonly input: {readonly name: string; readonly datatype: string | undefined};
  readonly output: ScoreOutput | LabelOutput;
  readonly read: ReplyReader;
}

/** How one call asks. */
export interface InferOptions {
  readonly exchange: Exchange;
  readonly signal?: AbortSignal;
}

/** Statuses that say that the service does not take these very inputs. */
const REFUSALS = [400, 413, 422];

/**
 * Asks about one batch with one request, or with more where the service refuses a batch that it may take in parts.
 *
 * @returns an outcome each, in order
 * @throws TeacherError where the service as a whole fails
 */
export async function infer(model: Model, batch: Batch, options: InferOptions): Promise<readonly Outcome[]> {
  const {connection} = model;
  const {infer: url} = await model.place();
  const send = () => postJson(connection, url, requestBody(model, batch), options.signal);
  const reply = await options.exchange(batch.rows, send);
  if (reply.status === 200) return model.read(reply, batch.rows.length);
  if (reply.status === 404) throw await notFound(model, reply, options.signal);
  const error = statusError(connection, reply);
  if (!REFUSALS.includes(reply.status)) throw error;
  if (!isDivisible(batch, reply)) return batch.rows.map(() => ({error}));
  const [first, second] = halvesOf(batch);
  return [...(await infer(model, first, options)), ...(await infer(model, second, options))];
}

/** Tensors of one batch are alike, so a refusal is of them all; a text may be refused for what it says. */
function isDivisible({inputs}: Batch, {status}: Reply): boolean {
  return inputs.length > 1 && (status === 413 || inputs[0]!.kind === 'text');
}

function requestBody({input, output}: Model, {inputs}: Batch): object {
  return {
    inputs: [toWire(inputs, input.name, input.datatype)],
    outputs: outputNames(output).map(name => ({name})),
  };
}

const indexSchema = z.array(z.object({name: z.string(), version: z.string().nullish()}));

/** Says what the service has instead, where it tells. Looking costs nothing, so it goes through no exchange. */
async function notFound(model: Model, {status}: Reply, signal?: AbortSignal): Promise<TeacherError> {
  const {connection, place, version} = model;
  const {name} = connection;
  const wanted =
    version === undefined ? `model \`${model.model}\`` : `model \`${model.model}\`, version \`${version}\``;
  const index = await postJson(connection, (await place()).index, {}, signal).then(
    reply => indexSchema.safeParse(parseJson(name, reply)).data,
    () => undefined,
  );
  signal?.throwIfAborted();
  const present = index?.map(({name, version}) => (version ? `${name} (version ${version})` : name)).join(', ');
  const advice = present
    ? `It has: ${present}. Check \`model\` and \`version\`.`
    : 'Check `url`, `model` and `version`.';
  return new TeacherError(name, `It answered 404: no ${wanted}. ${advice}`, {status});
}
