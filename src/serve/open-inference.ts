import {z} from 'zod';
import type {Answer, Outcome, Query} from '../teacher.ts';
import {unanswerable} from './classifier.ts';
import {RequestFailure, type Route, route, type ServedRequest} from './router.ts';
import {
  datatypeOf,
  INPUT_NAME,
  outputTensor,
  queriesIn,
  type ServedInput,
  type ServedOutput,
  shapeOf,
  type WireTensor,
  wireTensor,
} from './tensors.ts';

/** A model under its name and version, and how much of its answers the service shows. */
export interface ServedModel {
  readonly name: string;
  readonly version: string;
  /** Takes any number of queries. Answers with no more than the service shows. */
  readonly ask: (queries: readonly Query[], signal: AbortSignal) => Promise<readonly Outcome[]>;
  readonly input: ServedInput | undefined;
  readonly outputs: readonly ServedOutput[];
}

/** The routes of the Open Inference Protocol, version 2. */
export function openInferenceRoutes(models: readonly ServedModel[]): readonly Route[] {
  /** Routes below a model's path. */
  const ofModel = (
    method: Route['method'],
    rest: string,
    answer: (model: ServedModel, request: ServedRequest) => object | Promise<object>,
  ) =>
    ['/v2/models/:model', '/v2/models/:model/versions/:version'].map(location =>
      route(method, `${location}${rest}`, async request => {
        return {body: await answer(modelAt(models, request.path), request)};
      }),
    );
  return [
    route('GET', '/v2', () => ({body: {name: 'limbeck', version: '2', extensions: []}})),
    route('GET', '/v2/health/live', () => ({body: {live: true}}), {isOpen: true}),
    route('GET', '/v2/health/ready', () => ({body: {ready: true}}), {isOpen: true}),
    route('POST', '/v2/repository/index', () => ({
      body: models.map(({name, version}) => ({name, version, state: 'READY', reason: ''})),
    })),
    ...ofModel('GET', '', describeModel),
    ...ofModel('GET', '/ready', ({name}) => ({name, ready: true})),
    ...ofModel('POST', '/infer', infer),
  ];
}

/** @throws RequestFailure 404 if no served model has this name and version */
function modelAt(models: readonly ServedModel[], [, , wanted, , asked]: readonly string[]): ServedModel {
  const model = models.find(({name}) => name === wanted);
  if (model === undefined) {
    const names = models.map(({name}) => `\`${name}\``).join(', ');
    throw new RequestFailure(404, `There is no model \`${wanted}\`. This service has ${names}.`);
  }
  const {name, version} = model;
  if (asked !== undefined && asked !== version) {
    throw new RequestFailure(404, `Model \`${name}\` has no version \`${asked}\`. It has \`${version}\`.`);
  }
  return model;
}

function describeModel({name, version, input, outputs}: ServedModel): object {
  return {
    name,
    versions: [version],
    platform: 'limbeck',
    inputs: input ? [{name: INPUT_NAME, datatype: datatypeOf(input), shape: [-1, ...shapeOf(input)]}] : [],
    outputs: outputs.map(({name, datatype, shape}) => ({name, datatype, shape: [-1, ...shape]})),
  };
}

interface InferRequest {
  readonly id?: string | undefined;
  readonly inputs: readonly WireTensor[];
  readonly outputs?: readonly {readonly name: string}[] | undefined;
}

const inferRequest: z.ZodType<InferRequest> = z.object({
  id: z.string().optional(),
  inputs: z.array(wireTensor).length(1),
  outputs: z.array(z.object({name: z.string()})).optional(),
});

async function infer(model: ServedModel, {body, takeInputs, signal}: ServedRequest): Promise<object> {
  const parsed = inferRequest.safeParse(await body());
  if (!parsed.success) throw new RequestFailure(400, z.prettifyError(parsed.error));
  const {id, inputs, outputs} = parsed.data;
  const chosen = chooseOutputs(model, outputs);
  takeInputs(inputs[0]!.shape[0]!);
  const answers = await answersTo(model, queriesIn(inputs[0]!, model.input), signal);
  return {
    model_name: model.name,
    model_version: model.version,
    id,
    outputs: chosen.map(output => outputTensor(output, answers)),
  };
}

function chooseOutputs({outputs}: ServedModel, asked: InferRequest['outputs']): readonly ServedOutput[] {
  if (asked === undefined || asked.length === 0) return outputs;
  return asked.map(({name}) => {
    const output = outputs.find(candidate => candidate.name === name);
    if (output) return output;
    const names = outputs.map(candidate => candidate.name).join(', ');
    throw new RequestFailure(400, `There is no output \`${name}\`. The outputs are: ${names}.`);
  });
}

/** The protocol has no errors for single inputs, so the first one fails the request. */
async function answersTo({ask}: ServedModel, queries: readonly Query[], signal: AbortSignal): Promise<Answer[]> {
  const outcomes = await ask(queries, signal);
  return outcomes.map((outcome, index) => {
    if ('answer' in outcome) return outcome.answer;
    throw unanswerable(index);
  });
}
