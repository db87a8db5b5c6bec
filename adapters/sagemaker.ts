import {InputError} from '../src/errors.ts';
import type {Json, Reply, Teacher} from '../src/teacher.ts';
import type {AliasOptions} from './_answers/aliases.ts';
import type {LabelLocation, ScoreLocation} from './_http/output.ts';
import type {ReceiptLocation} from './_http/receipt.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate} from './_http/template.ts';
import {type AwsOptions, awsAccess, explainAws, regionOf} from './_wire/aws.ts';
import {type Explain, parseJson} from './_wire/reply.ts';
import {checkAddress} from './_wire/request.ts';
import type {ServiceOptions} from './_wire/service.ts';

export type {LabelLocation, ScoreLocation} from './_http/output.ts';
export type {ReceiptLocation} from './_http/receipt.ts';

export interface SagemakerOptions extends Omit<ServiceOptions, 'key'>, AwsOptions, AliasOptions {
  /** Name of the endpoint. */
  readonly endpoint: string;
  /** Of a production variant, where the endpoint has several. */
  readonly variant?: string;
  /** Path of a model's archive, where the endpoint has several models. */
  readonly model?: string;
  /** Of an inference component, where the endpoint has any. */
  readonly component?: string;
  /**
   * What stands for the endpoint in the identity: answers are kept under it, and a model of a new version gets new ones.
   *
   * @default the endpoint and the region
   */
  readonly service?: string;
  readonly classes: readonly string[];
  /**
   * The classes as the model calls them, in the order of `classes`.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /** What the container is sent: a template, as `request` of `http`. */
  readonly request: Json;
  /** Where the container's reply has the scores or the labels, as `output` of `http`. */
  readonly output: ScoreLocation | LabelLocation;
  /**
   * Where a reply with status 200 says that it failed, as a JSON pointer.
   *
   * @default none
   */
  readonly error?: string;
  /** Where a reply says what it cost and who answered. */
  readonly receipt?: ReceiptLocation;
  /**
   * Queries in one request, where `request` has places for several. A request holds 6 MB at most.
   *
   * @default 32; 1 where `request` has a place for one
   */
  readonly maxBatch?: number;
  /**
   * Address of the service, where it is not that of the region: an interface of a private network, for example.
   *
   * @default that of the region
   */
  readonly url?: string;
}

/**
 * A classifier on an endpoint of Amazon SageMaker. What is sent and what comes is up to the container, so it is said as
 * for `http`. It is as transparent as the output that is read: scores make it gray-box, labels black-box.
 *
 * A query that the model refuses fails alone: a batch of texts is halved until what is refused is by itself.
 *
 * @throws InputError where the options can't be used
 */
export function sagemaker(options: SagemakerOptions & {readonly output: ScoreLocation}): Teacher<'gray-box'>;
export function sagemaker(options: SagemakerOptions & {readonly output: LabelLocation}): Teacher<'black-box'>;
export function sagemaker(options: SagemakerOptions): Teacher {
  const {endpoint, classes, labels, request, output, error, receipt} = options;
  if (!/^[\w-]+$/.test(endpoint)) throw new InputError("The `endpoint` of SageMaker can't be used. Give its name.");
  const template = readTemplate(request);
  const region = regionOf(options);
  const service = options.service ?? `${endpoint} in ${region}`;
  const name = `sagemaker ${service}`;
  const access = awsAccess(options, {name, service: 'sagemaker', region});
  const address = checkAddress(options.url ?? `https://runtime.sagemaker.${region}.amazonaws.com`);
  return mappedTeacher(
    {...options, key: () => access.key() ?? ''},
    {
      name,
      keyVariable: access.keyVariable,
      authorize: access.authorize,
      url: new URL(`${address}/endpoints/${endpoint}/invocations`),
      headers: targetIn(options),
      identity: {
        adapter: 'sagemaker',
        service,
        target: targetIn(options),
        request,
        output: {...output},
        labels: labels ?? classes,
      },
      classes,
      aliases: options.aliases,
      labels,
      templates: [template],
      output,
      error,
      receipt,
      maxBatch: options.maxBatch ?? (template.isBatch ? 32 : 1),
      explain: explainFor,
      refusesInput,
    },
  );
}

/** Which of an endpoint's models is asked, as headers. */
function targetIn({variant, model, component}: SagemakerOptions): Readonly<Record<string, string>> {
  return {
    ...(variant !== undefined && {'x-amzn-sagemaker-target-variant': variant}),
    ...(model !== undefined && {'x-amzn-sagemaker-target-model': model}),
    ...(component !== undefined && {'x-amzn-sagemaker-inference-component': component}),
  };
}

/** A `ModelError` has the status of the container inside; what else the container said may quote the input. */
function containerStatus(reply: Reply): number | undefined {
  if (reply.status !== 424) return undefined;
  try {
    const {OriginalStatusCode: status} = parseJson('', reply) as {readonly OriginalStatusCode?: unknown};
    return typeof status === 'number' ? status : undefined;
  } catch {
    return undefined;
  }
}

/** Credentials and limits are refused with 400 as well, and then it is not for the input. */
function refusesInput(reply: Reply): boolean {
  const type = String(reply.headers['x-amzn-errortype'] ?? 'ValidationError');
  const status = containerStatus(reply) ?? (type.startsWith('Validation') ? reply.status : 0);
  return [400, 413, 422].includes(status);
}

const explainFor =
  (reply: Reply): Explain =>
  refusal => {
    if (refusal.status === 424) return modelError(containerStatus(reply));
    const known = refusal.codes.flatMap(code => ERRORS[code] ?? [])[0];
    return known ?? explainAws(refusal) ?? PROBLEMS[refusal.status];
  };

function modelError(status: number | undefined): ReturnType<Explain> {
  if (status === undefined)
    return {problem: 'Its model failed. The log of the endpoint in CloudWatch says why.', retryable: true};
  const retryable = status === 408 || status === 429 || status >= 500;
  const why = retryable
    ? 'The log of the endpoint in CloudWatch says why.'
    : 'Check `request`, and the shape of the input.';
  return {problem: `Its model answered ${status}. ${why}`, retryable};
}

const notReady = {
  problem: 'Its model is being loaded, or its instances are being started.',
  retryable: true,
};
const invalid = {
  problem: 'It does not take the request. Check `endpoint` and `region`, and that a request is not larger than 6 MB.',
};

const ERRORS: Readonly<Record<string, ReturnType<Explain>>> = {
  ModelNotReadyException: notReady,
  ValidationError: invalid,
  ValidationException: invalid,
  InternalDependencyException: {problem: 'It failed for want of another service of AWS.', retryable: true},
};

/** Where no error is named. */
const PROBLEMS: Readonly<Record<number, ReturnType<Explain>>> = {
  400: invalid,
  413: {problem: 'The request is larger than 6 MB. Lower `maxBatch`.'},
};
