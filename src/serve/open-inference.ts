import {z} from 'zod';
import type {Answer, Question, Teacher} from '../teacher.ts';
import {RequestFailure} from './failure.ts';
import {
  datatypeOf,
  INPUT_NAME,
  questionsIn,
  type ServedInput,
  shapeOf,
  type WireTensor,
  wireTensor,
} from './input-tensor.ts';
import {outputTensor, type ServedOutput} from './output-tensor.ts';

/** A teacher under a model's name and version, and all that is shown of it. */
export interface ServedModel {
  readonly name: string;
  readonly version: string;
  /** Already degraded to what the service shows; takes any number of questions. */
  readonly teacher: Teacher;
  readonly input: ServedInput | undefined;
  readonly outputs: readonly ServedOutput[];
}

export interface ServedRequest {
  readonly method: string;
  /** Segments of the path, decoded. */
  readonly path: readonly string[];
  /** Reads the body as JSON. */
  readonly body: () => Promise<unknown>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

type Handler = (model: ServedModel, request: ServedRequest) => object | Promise<object>;

interface Route {
  readonly method: 'GET' | 'POST';
  /** Segments; `:model` and `:version` must be the served ones. */
  readonly path: readonly string[];
  readonly handle: Handler;
}

const routes: readonly Route[] = [
  route('GET', 'v2', () => ({name: 'limbeck', version: '2', extensions: []})),
  route('GET', 'v2/health/live', () => ({live: true})),
  route('GET', 'v2/health/ready', () => ({ready: true})),
  route('POST', 'v2/repository/index', ({name, version}) => [{name, version, state: 'READY', reason: ''}]),
  ...['v2/models/:model', 'v2/models/:model/versions/:version'].flatMap(model => [
    route('GET', model, describeModel),
    route('GET', `${model}/ready`, ({name}) => ({name, ready: true})),
    route('POST', `${model}/infer`, infer),
  ]),
];

function route(method: Route['method'], path: string, handle: Handler): Route {
  return {method, path: path.split('/'), handle};
}

/**
 * Answers one request of the Open Inference Protocol, version 2.
 *
 * @returns the body of the reply
 * @throws RequestFailure where the request is not one that this model can answer
 */
export async function respond(model: ServedModel, request: ServedRequest): Promise<object> {
  const {path, method} = request;
  const here = routes.filter(route => matches(route, path));
  if (here.length === 0)
    throw new RequestFailure(404, `There is nothing at /${path.join('/')}. Models are at /v2/models/.`);
  checkModel(model, path);
  const found = here.find(route => route.method === method);
  if (found) return found.handle(model, request);
  const allowed = here.map(route => route.method).join(', ');
  throw new RequestFailure(405, `Use ${allowed} here, not ${method}.`, {allow: allowed});
}

function matches({path}: Route, asked: readonly string[]): boolean {
  return path.length === asked.length && path.every((part, index) => part.startsWith(':') || part === asked[index]);
}

function checkModel({name, version}: ServedModel, [, kind, model, , asked]: readonly string[]): void {
  if (kind !== 'models') return;
  if (model !== name) throw new RequestFailure(404, `There is no model \`${model}\`. This service has \`${name}\`.`);
  if (asked !== undefined && asked !== version) {
    throw new RequestFailure(404, `Model \`${name}\` has no version \`${asked}\`. It has \`${version}\`.`);
  }
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

async function infer(model: ServedModel, {body, signal}: ServedRequest): Promise<object> {
  const parsed = inferRequest.safeParse(await body());
  if (!parsed.success) throw new RequestFailure(400, z.prettifyError(parsed.error));
  const {id, inputs, outputs} = parsed.data;
  const chosen = chooseOutputs(model, outputs);
  const answers = await answersTo(model.teacher, questionsIn(inputs[0]!, model.input), signal);
  return {
    model_name: model.name,
    model_version: model.version,
    ...(id !== undefined && {id}),
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

/** The protocol has no error of one input: the first fails the request. */
async function answersTo(teacher: Teacher, questions: readonly Question[], signal: AbortSignal): Promise<Answer[]> {
  const outcomes = await teacher.ask(questions, {signal});
  return outcomes.map((outcome, place) => {
    if ('answer' in outcome) return outcome.answer;
    // The teacher's own words may tell what the service hides.
    throw new RequestFailure(400, `The model can't answer input ${place}. Check its shape and datatype.`);
  });
}
