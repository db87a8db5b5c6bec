import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {Json, Teacher} from '../src/teacher.ts';
import {ALIAS_KINDS, type AliasOptions} from './_answers/labels.ts';
import {
  type InstanceLabel,
  type InstanceScores,
  instanceTemplates,
  locationOf,
  predictionLocation,
} from './_http/instances.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate, type Template} from './_http/template.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {SERVICE_KINDS, type ServiceOptions, standInFor} from './_wire/service.ts';

export type {InstanceLabel, InstanceScores} from './_http/instances.ts';

export interface TensorflowServingOptions extends ServiceOptions, AliasOptions {
  /** Address of the service, without `/v1`, for example `http://127.0.0.1:8501`. */
  readonly url: string;
  /**
   * The name that replaces the address in the identity, so that a service that moves keeps its answers.
   *
   * @default the address
   */
  readonly service?: string;
  readonly model: string;
  /**
   * Version of the model.
   *
   * @default the service's choice, usually the latest
   */
  readonly version?: number;
  /** The service's label of a version of the model, such as `stable`. Not allowed with `version`. */
  readonly versionLabel?: string;
  /**
   * Name of the model's function to call.
   *
   * @default the service's choice: `serving_default`
   */
  readonly signature?: string;
  /** Names of the classes, in the order of the model's outputs. */
  readonly classes: readonly string[];
  /**
   * The model's names of the classes, in the order of `classes`, if its output holds names.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * The model's name of the input.
   *
   * @default none: the model has one input
   */
  readonly input?: string;
  /**
   * The output to read: its name and its kind, such as `{logits: 'dense_1'}`. If the model has one output, the kind is
   * enough. With `classify`, the kind of the scores.
   */
  readonly output: InstanceScores | InstanceLabel;
  /**
   * The format of requests: `rows` has an entry for each query, `columns` has one tensor for all. `classify` is the API
   * of models with a classification signature, which names the classes.
   *
   * @default 'rows'
   */
  readonly format?: 'rows' | 'columns' | 'classify';
  /**
   * Queries in one request.
   *
   * @default 64
   */
  readonly maxBatch?: number;
}

const KINDS = {
  ...SERVICE_KINDS,
  ...ALIAS_KINDS,
  url: kinds.text,
  service: kinds.text,
  model: kinds.text,
  version: kinds.number,
  versionLabel: kinds.text,
  signature: kinds.text,
  classes: kinds.texts,
  labels: kinds.texts,
  input: kinds.text,
  output: kinds.textOrObject,
  format: oneOf('rows', 'columns', 'classify'),
  maxBatch: kinds.number,
} satisfies Shape<TensorflowServingOptions>;

/**
 * A model behind the REST API of TensorFlow Serving or of a service with the same API: version 1 of KServe, and
 * TorchServe's version of it. It takes tensors and texts. The output that is read decides the access: scores make it
 * gray-box, labels black-box. Probabilities below 1e-38 become 1e-38.
 *
 * If the service refuses an input, only that input fails: its batch is halved until the input is alone.
 *
 * @throws InputError if the options can't be used
 */
export function tensorflowServing(
  options: TensorflowServingOptions & {readonly output: InstanceScores},
): Teacher<'gray-box'>;
export function tensorflowServing(
  options: TensorflowServingOptions & {readonly output: InstanceLabel},
): Teacher<'black-box'>;
export function tensorflowServing(options: TensorflowServingOptions): Teacher {
  checkOptions('tensorflowServing', options, KINDS, ['url', 'model', 'classes', 'output']);
  const {model, classes, labels, signature, input, output, format = 'rows', maxBatch = 64} = options;
  checkChoices(options);
  const address = checkAddress(options.url);
  const service = standInFor(options, address);
  const {templates, location} = FORMATS[format](options);
  return mappedTeacher(options, {
    name: `tensorflow-serving ${model} at ${service}`,
    keyVariable: 'LIMBECK_TEACHER_KEY',
    address,
    url: new URL(`${address}/v1/models/${pathOf(options)}:${format === 'classify' ? 'classify' : 'predict'}`),
    identity: {
      adapter: 'tensorflow-serving',
      service,
      model: pathOf(options),
      signature: signature ?? null,
      input: input ?? null,
      output: typeof output === 'string' ? output : {...output},
      format,
      labels: labels ?? classes,
    },
    classes,
    aliases: options.aliases,
    labels,
    templates,
    output: location,
    shape: found => ({value: readable(found)}),
    maxBatch,
    refusalAdvice: () => advice,
  });
}

function checkChoices({version, versionLabel, format, input, output}: TensorflowServingOptions): void {
  if (version !== undefined && versionLabel !== undefined) {
    throw new InputError('Choose a model by `version` or by `versionLabel`, not by both.');
  }
  if (format === 'classify' && (input === undefined || typeof output !== 'string' || output === 'label')) {
    throw new InputError(
      'To classify, the service needs the name of its feature as `input`, and `output` must be the kind of its scores, for example "probabilities".',
    );
  }
}

function pathOf({model, version, versionLabel}: TensorflowServingOptions): string {
  const name = encodeURIComponent(model);
  if (version !== undefined) return `${name}/versions/${version}`;
  return versionLabel === undefined ? name : `${name}/labels/${encodeURIComponent(versionLabel)}`;
}

interface Format {
  /** The template of texts, then that of tensors. */
  readonly templates: readonly Template[];
  readonly location: ReturnType<typeof locationOf>;
}

const FORMATS: Readonly<
  Record<NonNullable<TensorflowServingOptions['format']>, (options: TensorflowServingOptions) => Format>
> = {
  rows: ({input, output, ...rest}) => ({
    templates: instanceTemplates(input, signatureIn(rest)),
    location: predictionLocation(output),
  }),
  columns: ({input, output, ...rest}) => ({
    templates: ['{texts}', '{tensors}'].map(all =>
      readTemplate({...signatureIn(rest), inputs: input === undefined ? all : {[input]: all}}),
    ),
    location: locationOf(output, name => (name === undefined ? '/outputs/*' : `/outputs/${name}/*`)),
  }),
  classify: ({input = '', output, ...rest}) => ({
    templates: ['{text}', '{tensor}'].map(own =>
      readTemplate({...signatureIn(rest), examples: {'{each}': {[input]: own}}}),
    ),
    location: locationOf(output, () => '/result/*'),
  }),
};

function signatureIn({signature}: Pick<TensorflowServingOptions, 'signature'>): Readonly<Record<string, Json>> {
  return signature === undefined ? {} : {signature_name: signature};
}

/** Unwraps a label from a list of one, and decodes bytes in base64. */
function readable(found: unknown): unknown {
  if (Array.isArray(found)) {
    return found.length === 1 && !Array.isArray(found[0]) ? readable(found[0]) : found.map(asText);
  }
  return asText(found);
}

function asText(value: unknown): unknown {
  const {b64} = (value ?? {}) as {readonly b64?: unknown};
  return typeof b64 === 'string' ? Buffer.from(b64, 'base64').toString() : value;
}

/** The meaning of the service's statuses. Its own messages hold shapes, node names and parts of the input. */
const advice: RefusalAdvice = {
  byCause: {
    model: 'It has no such model. Check `model`, and `version` or `versionLabel`.',
    path: 'It has no such route. The address in `url` ends before `/v1`.',
  },
  byWords: [
    [
      /indices\[.*\] = \d+ is not in \[/,
      'The text has more tokens than its model takes, or one that it does not know. Shorten the text, or check its tokens.',
    ],
  ],
  byStatus: {
    400: 'It does not take the request. Check `signature`, `input` and `format`, and the datatype and shape of the input.',
    404: 'It has no such model. Check `model`, and `version` or `versionLabel`; its address ends before `/v1`.',
    409: 'It gave up the request. Another request can be in its way.',
    429: 'Its queue is full. Lower `concurrency`, or raise its limits.',
    499: 'It gave up the request, because the request was cancelled.',
    500: 'It failed. Its own log says why; a wrong shape of the input is a common cause.',
    501: 'It can not do that with this model. Check `format` and `signature`.',
    503: 'The model is not loaded yet, or its queue is full. Lower `concurrency` if that stays so.',
    504: 'The service itself timed out. Lower `maxBatch`.',
  },
};
