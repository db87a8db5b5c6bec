import {InputError} from '../src/errors.ts';
import type {Json, Teacher} from '../src/teacher.ts';
import type {AliasOptions} from './_answers/aliases.ts';
import {type InstanceLabel, type InstanceScores, instanceTemplates, predictionPlace} from './_http/instances.ts';
import {mappedTeacher} from './_http/teacher.ts';
import type {Explain} from './_wire/reply.ts';
import {checkAddress} from './_wire/request.ts';
import type {ServiceOptions} from './_wire/service.ts';

export type {InstanceLabel, InstanceScores} from './_http/instances.ts';

export interface VertexOptions extends ServiceOptions, AliasOptions {
  /** Id or number of the project. */
  readonly project: string;
  /** For example `europe-west4`. */
  readonly location: string;
  /** Id of the endpoint. */
  readonly endpoint: string;
  /**
   * Address of the service, without `/v1`: an endpoint that is dedicated or private has its own.
   *
   * @default that of the location
   */
  readonly url?: string;
  /**
   * What stands for the endpoint in the identity: answers are kept under it, and a model of a new version gets new ones.
   *
   * @default the path of the endpoint
   */
  readonly service?: string;
  readonly classes: readonly string[];
  /**
   * The classes as the model calls them, in the order of `classes`, where it names them.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * The field of an instance that holds the input, for example `content`.
   *
   * @default none: the input itself is the instance
   */
  readonly input?: string;
  /** What the model is told beside the instances. */
  readonly parameters?: {readonly [name: string]: Json};
  /**
   * What is read of each prediction: the name of a field and what it means, or where the prediction itself is the score,
   * what it means alone. Of a classifier made by AutoML `{probabilities: 'confidences', names: 'displayNames'}`.
   */
  readonly output: InstanceScores | InstanceLabel;
  /**
   * An OAuth access token, as `gcloud auth print-access-token` gives it. A token expires within the hour, so give a
   * function that renews it; it is called for every request.
   *
   * @default the environment variable GOOGLE_OAUTH_ACCESS_TOKEN; LIMBECK_TEACHER_KEY where `url` is given
   */
  readonly key?: string | (() => string);
  /**
   * Queries in one request.
   *
   * @default 32
   */
  readonly maxBatch?: number;
}

/**
 * A classifier on an endpoint of Vertex AI, asked by `predict`. It takes tensors and texts, and is as transparent as the
 * output that is read: scores make it gray-box, labels black-box. Probabilities below 1e-38 are taken for it.
 *
 * A text that the service refuses fails alone: its batch is halved until it is by itself.
 *
 * @throws InputError where the options can't be used
 */
export function vertex(options: VertexOptions & {readonly output: InstanceScores}): Teacher<'gray-box'>;
export function vertex(options: VertexOptions & {readonly output: InstanceLabel}): Teacher<'black-box'>;
export function vertex(options: VertexOptions): Teacher {
  const {classes, labels, input, parameters, output, maxBatch = 32} = options;
  const path = pathOf(options);
  const service = options.service ?? path;
  const address = checkAddress(options.url ?? `https://${options.location}-aiplatform.googleapis.com`);
  return mappedTeacher(options, {
    name: `vertex ${service}`,
    keyVariable: options.url === undefined ? 'GOOGLE_OAUTH_ACCESS_TOKEN' : 'LIMBECK_TEACHER_KEY',
    url: new URL(`${address}/v1/${path}:predict`),
    identity: {
      adapter: 'vertex',
      service,
      input: input ?? null,
      parameters: parameters ?? null,
      output: typeof output === 'string' ? output : {...output},
      labels: labels ?? classes,
    },
    classes,
    aliases: options.aliases,
    labels,
    templates: instanceTemplates(input, parameters === undefined ? {} : {parameters}),
    output: predictionPlace(output),
    receipt: {model: '/model', fingerprint: '/deployedModelId'},
    maxBatch,
    explain: () => explain,
  });
}

function pathOf({project, location, endpoint}: VertexOptions): string {
  for (const [option, value] of Object.entries({project, location, endpoint})) {
    // They are parts of an address that gets the key.
    if (!/^[\w.:-]+$/.test(value)) throw new InputError(`The \`${option}\` of Vertex AI can't be used. Give its id.`);
  }
  return `projects/${project}/locations/${location}/endpoints/${endpoint}`;
}

const explain: Explain = ({status}) => {
  const problem = PROBLEMS[status];
  return problem === undefined ? undefined : {problem};
};

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'It does not take the request. Check `input` and `parameters`, and the shape of the input.',
  401: 'The access token is missing or has expired. Pass `key` as a function that renews it.',
  403: 'The account may not ask it. Check its role in the project, and that the API is enabled there.',
  404: 'There is no such endpoint. Check `project`, `location` and `endpoint`, or `url` where it has its own.',
  429: 'The quota of the project is used up. Lower `concurrency` or the rate.',
  503: 'No model is ready on the endpoint. Check that one is deployed, and lower `concurrency` if it is overloaded.',
};
