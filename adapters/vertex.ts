import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import type {Json, Teacher} from '../src/teacher.ts';
import {ALIAS_KINDS, type AliasOptions} from './_answers/labels.ts';
import {type InstanceLabel, type InstanceScores, instanceTemplates, predictionLocation} from './_http/instances.ts';
import {mappedTeacher} from './_http/teacher.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {SERVICE_KINDS, type ServiceOptions} from './_wire/service.ts';

export type {InstanceLabel, InstanceScores} from './_http/instances.ts';

export interface VertexOptions extends ServiceOptions, AliasOptions {
  /** Id or number of the project. */
  readonly project: string;
  /** For example `europe-west4`. */
  readonly location: string;
  /** Id of the endpoint. */
  readonly endpoint: string;
  /**
   * Address of the service, without `/v1`. A dedicated or private endpoint has its own.
   *
   * @default the address of the location
   */
  readonly url?: string;
  /**
   * The name that replaces the endpoint in the identity. A new version of the model needs a new name.
   *
   * @default the path of the endpoint
   */
  readonly service?: string;
  readonly classes: readonly string[];
  /**
   * The model's names of the classes, in the order of `classes`, if it names them.
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
  /** Parameters that the model gets with the instances. */
  readonly parameters?: {readonly [name: string]: Json};
  /**
   * The part of each prediction to read: the name of a field and its kind. If the prediction itself is the score, the
   * kind is enough. For an AutoML classifier use `{probabilities: 'confidences', names: 'displayNames'}`.
   */
  readonly output: InstanceScores | InstanceLabel;
  /**
   * An OAuth access token, as `gcloud auth print-access-token` prints it. A token expires within the hour, so give a
   * function that renews it. The function is called for every request.
   *
   * @default the environment variable GOOGLE_OAUTH_ACCESS_TOKEN; LIMBECK_TEACHER_KEY if `url` is given
   */
  readonly key?: string | (() => string);
  /**
   * Queries in one request.
   *
   * @default 32
   */
  readonly maxBatch?: number;
}

const KINDS = {
  ...SERVICE_KINDS,
  ...ALIAS_KINDS,
  project: kinds.text,
  location: kinds.text,
  endpoint: kinds.text,
  url: kinds.text,
  service: kinds.text,
  classes: kinds.texts,
  labels: kinds.texts,
  input: kinds.text,
  parameters: kinds.object,
  output: kinds.textOrObject,
  maxBatch: kinds.number,
} satisfies Shape<VertexOptions>;

/**
 * A classifier on a Vertex AI endpoint, asked by `predict`. It takes tensors and texts. The output that is read decides
 * the access: scores make it gray-box, labels black-box. Probabilities below 1e-38 become 1e-38.
 *
 * If the service refuses an input, only that input fails: its batch is halved until the input is alone.
 *
 * @throws InputError if the options can't be used
 */
export function vertex(options: VertexOptions & {readonly output: InstanceScores}): Teacher<'gray-box'>;
export function vertex(options: VertexOptions & {readonly output: InstanceLabel}): Teacher<'black-box'>;
export function vertex(options: VertexOptions): Teacher {
  checkOptions('vertex', options, KINDS, ['project', 'location', 'endpoint', 'classes', 'output']);
  const {classes, labels, input, parameters, output, maxBatch = 32} = options;
  const path = pathOf(options);
  const service = options.service ?? path;
  const address = checkAddress(options.url ?? `https://${options.location}-aiplatform.googleapis.com`);
  return mappedTeacher(options, {
    name: `vertex ${service}`,
    keyVariable: options.url === undefined ? 'GOOGLE_OAUTH_ACCESS_TOKEN' : 'LIMBECK_TEACHER_KEY',
    address,
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
    output: predictionLocation(output),
    receipt: {model: '/model', fingerprint: '/deployedModelId'},
    maxBatch,
    refusalAdvice: () => advice,
  });
}

function pathOf({project, location, endpoint}: VertexOptions): string {
  for (const [option, value] of Object.entries({project, location, endpoint})) {
    // They are parts of an address that gets the key, so they must not change its host or path.
    if (!/^[\w.:-]+$/.test(value)) throw new InputError(`The \`${option}\` of Vertex AI can't be used. Give its id.`);
  }
  return `projects/${project}/locations/${location}/endpoints/${endpoint}`;
}

const advice: RefusalAdvice = {
  byCause: {
    model: 'There is no such endpoint, or no such model on it. Check `project`, `location` and `endpoint`.',
    'too-long': 'A text is longer than the model takes. Shorten it.',
  },
  byWords: [[/payload size exceeds/i, 'The request is too large for it. Lower `maxBatch`, or shorten the texts.']],
  byStatus: {
    400: 'It does not take the request. Check `input` and `parameters`, and the shape of the input.',
    401: 'The access token is missing or has expired. Pass `key` as a function that renews it.',
    403: 'The account may not ask it. Check its role in the project, and that the API is enabled there.',
    404: 'There is no such endpoint. Check `project`, `location` and `endpoint`, or `url` if the endpoint has its own.',
    429: 'The quota of the project is used up. Lower `concurrency` or the rate.',
    503: 'No model is ready on the endpoint. Check that one is deployed, and lower `concurrency` if it is overloaded.',
  },
};
