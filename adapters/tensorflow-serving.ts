import {InputError} from '../src/errors.ts';
import type {Json, Teacher} from '../src/teacher.ts';
import type {AliasOptions} from './_answers/aliases.ts';
import {
  type InstanceLabel,
  type InstanceScores,
  instanceTemplates,
  locationOf,
  predictionPlace,
} from './_http/instances.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate, type Template} from './_http/template.ts';
import type {Explain} from './_wire/reply.ts';
import {checkAddress} from './_wire/request.ts';
import type {ServiceOptions} from './_wire/service.ts';

export type {InstanceLabel, InstanceScores} from './_http/instances.ts';

export interface TensorflowServingOptions extends ServiceOptions, AliasOptions {
  /** Address of the service, without `/v1`, for example `http://127.0.0.1:8501`. */
  readonly url: string;
  /**
   * What stands for the address in the identity: answers are kept under it, so a service that moves keeps its answers.
   *
   * @default the address
   */
  readonly service?: string;
  readonly model: string;
  /**
   * Of the model.
   *
   * @default the service's choice, the latest one as a rule
   */
  readonly version?: number;
  /** A label that the service gives to a version of the model, such as `stable`. Not beside `version`. */
  readonly versionLabel?: string;
  /**
   * The function of the model that is asked.
   *
   * @default the service's choice: `serving_default`
   */
  readonly signature?: string;
  /** Names of the classes, in the order of the model's outputs. */
  readonly classes: readonly string[];
  /**
   * The classes as the model calls them, in the order of `classes`, where its output names them.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * The input as the model calls it.
   *
   * @default none: the model has one input
   */
  readonly input?: string;
  /**
   * What is read: the name of an output and what it means, such as `{logits: 'dense_1'}`, or where the model has one
   * output, what it means alone. With `classify` what the scores are.
   */
  readonly output: InstanceScores | InstanceLabel;
  /**
   * How it is asked: `rows` has an entry for each query, `columns` one tensor for all; `classify` is the API for models
   * with a signature of that kind, which names the classes.
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

/**
 * A model behind the REST API of TensorFlow Serving, or behind one that is made after it: version 1 of KServe, and
 * TorchServe's of that shape. It takes tensors and texts, and is as transparent as the output that is read: scores make
 * it gray-box, labels black-box. Probabilities below 1e-38 are taken for it.
 *
 * A text that the service refuses fails alone: its batch is halved until it is by itself.
 *
 * @throws InputError where the options can't be used
 */
export function tensorflowServing(
  options: TensorflowServingOptions & {readonly output: InstanceScores},
): Teacher<'gray-box'>;
export function tensorflowServing(
  options: TensorflowServingOptions & {readonly output: InstanceLabel},
): Teacher<'black-box'>;
export function tensorflowServing(options: TensorflowServingOptions): Teacher {
  const {model, classes, labels, signature, input, output, format = 'rows', maxBatch = 64} = options;
  checkOptions(options);
  const address = checkAddress(options.url);
  const service = options.service ?? address;
  const {templates, location} = FORMATS[format](options);
  return mappedTeacher(options, {
    name: `tensorflow-serving ${model} at ${service}`,
    keyVariable: 'LIMBECK_TEACHER_KEY',
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
    explain: () => explain,
  });
}

function checkOptions({version, versionLabel, format, input, output}: TensorflowServingOptions): void {
  if (version !== undefined && versionLabel !== undefined) {
    throw new InputError('A model is asked for by `version` or by `versionLabel`, not by both.');
  }
  if (format === 'classify' && (input === undefined || typeof output !== 'string' || output === 'label')) {
    throw new InputError(
      'To classify, the service needs the name of its feature as `input`, and `output` says what its scores are, for example "probabilities".',
    );
  }
}

function pathOf({model, version, versionLabel}: TensorflowServingOptions): string {
  const name = encodeURIComponent(model);
  if (version !== undefined) return `${name}/versions/${version}`;
  return versionLabel === undefined ? name : `${name}/labels/${encodeURIComponent(versionLabel)}`;
}

interface Format {
  /** Of texts, and of tensors. */
  readonly templates: readonly Template[];
  readonly location: ReturnType<typeof locationOf>;
}

const FORMATS: Readonly<
  Record<NonNullable<TensorflowServingOptions['format']>, (options: TensorflowServingOptions) => Format>
> = {
  rows: ({input, output, ...rest}) => ({
    templates: instanceTemplates(input, signatureIn(rest)),
    location: predictionPlace(output),
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

/** A label may stand in a list of its own, and as bytes in base64. */
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

/** What the service means by its statuses. Its own words name shapes and nodes, and parts of the input. */
const explain: Explain = ({status}) => {
  const problem = PROBLEMS[status];
  return problem === undefined ? undefined : {problem};
};

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'It does not take the request. Check `signature`, `input` and `format`, and the datatype and shape of the input.',
  404: 'It has no such model. Check `model`, and `version` or `versionLabel`; its address ends before `/v1`.',
  409: 'It gave the request up. Another one may be in its way.',
  429: 'Its queue is full. Lower `concurrency`, or raise its limits.',
  499: 'It gave the request up, since it was cancelled.',
  500: 'It failed. Its own log says why; a wrong shape of the input is a common cause.',
  501: 'It can not do that with this model. Check `format` and `signature`.',
  503: 'The model is not loaded yet, or its queue is full. Lower `concurrency` if that stays so.',
  504: 'It took too long itself. Lower `maxBatch`.',
};
