import {z} from 'zod';
import {TeacherError} from '../src/errors.ts';
import type {Answer, Outcome} from '../src/teacher.ts';
import {type Batch, halvesOf, toWire} from './_open-inference-inputs.ts';
import {type LabelOutput, outputNames, readReply, type ScoreOutput} from './_open-inference-outputs.ts';
import {parseJson, postJson, type Reply, type Service, statusError} from './_request.ts';

/** One model of one service. */
export interface Model {
  readonly service: Service;
  readonly address: () => Promise<string>;
  readonly model: string;
  readonly version: string | undefined;
  readonly classes: readonly string[];
  readonly input: {readonly name: string; readonly datatype: string | undefined};
  readonly output: ScoreOutput | LabelOutput;
}

/** Statuses that say that the service does not take these very inputs. */
const refusals = [400, 413, 422];

/**
 * Asks about one batch with one request, or with more where the service refuses a batch that it may take in parts.
 *
 * @returns an outcome each, in order
 * @throws TeacherError where the service as a whole fails
 */
export async function infer(model: Model, batch: Batch, signal?: AbortSignal): Promise<readonly Outcome[]> {
  const {service, classes, output} = model;
  const {name} = service;
  const reply = await postJson(service, await modelUrl(model), requestBody(model, batch), signal);
  if (reply.status === 200) {
    const answers = readReply(parseJson(service, reply.text), {name, output, classes, count: batch.rows.length});
    return answers.map(answer => outcomeOf(answer, name));
  }
  if (reply.status === 404) throw await notFound(model, signal);
  const error = statusError(service, reply);
  if (!refusals.includes(reply.status)) throw error;
  if (!isDivisible(batch, reply)) return batch.rows.map(() => ({error}));
  const [first, second] = halvesOf(batch);
  return [...(await infer(model, first, signal)), ...(await infer(model, second, signal))];
}

/** Tensors of one batch are alike, so a refusal is of them all; a text may be refused for what it says. */
function isDivisible({inputs}: Batch, {status}: Reply): boolean {
  return inputs.length > 1 && (status === 413 || inputs[0]!.kind === 'text');
}

function outcomeOf(answer: Answer | string, name: string): Outcome {
  return typeof answer === 'string' ? {error: new TeacherError(name, answer)} : ({answer} as Outcome);
}

function requestBody({input, output}: Model, {inputs}: Batch): object {
  return {
    inputs: [toWire(inputs, input.name, input.datatype)],
    outputs: outputNames(output).map(name => ({name})),
  };
}

async function modelUrl({address, model, version}: Model): Promise<string> {
  const suffix = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
  return `${await address()}/v2/models/${encodeURIComponent(model)}${suffix}/infer`;
}

const indexSchema = z.array(z.object({name: z.string(), version: z.string().nullish()}));

/** Says what the service has instead, where it tells. */
async function notFound({service, address, model, version}: Model, signal?: AbortSignal): Promise<TeacherError> {
  const wanted = version === undefined ? `model \`${model}\`` : `model \`${model}\`, version \`${version}\``;
  const index = await postJson(service, `${await address()}/v2/repository/index`, {}, signal).then(
    ({text}) => indexSchema.safeParse(parseJson(service, text)).data,
    () => undefined,
  );
  signal?.throwIfAborted();
  const present = index?.map(({name, version}) => (version ? `${name} (version ${version})` : name)).join(', ');
  const advice = present
    ? `It has: ${present}. Check \`model\` and \`version\`.`
    : 'Check `url`, `model` and `version`.';
  return new TeacherError(service.name, `It answered 404: no ${wanted}. ${advice}`, {status: 404});
}
