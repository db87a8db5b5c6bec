import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import type {Reply, Teacher} from '../src/teacher.ts';
import type {LabelLocation, ScoreLocation} from './_http/output.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {MAPPED_KINDS, type MappedOptions, readTemplate} from './_http/template.ts';
import {AWS_ERRORS, AWS_KINDS, AWS_STATUSES, type AwsOptions, awsAccess, regionOf} from './_wire/aws.ts';
import type {Explanation, RefusalAdvice} from './_wire/refusal.ts';
import {parseJson} from './_wire/reply.ts';
import {checkAddress} from './_wire/request.ts';
import {SERVICE_KINDS, type ServiceOptions} from './_wire/service.ts';

export type {LabelLocation, ScoreLocation} from './_http/output.ts';
export type {ReceiptLocation} from './_http/receipt.ts';

export interface SagemakerOptions extends Omit<ServiceOptions, 'key' | 'keyHeader'>, AwsOptions, MappedOptions {
  /** Name of the endpoint. */
  readonly endpoint: string;
  /** Name of the production variant, if the endpoint has several. */
  readonly variant?: string;
  /** Path of the model's archive, if the endpoint has several models. */
  readonly model?: string;
  /** Name of the inference component, if the endpoint has any. */
  readonly component?: string;
  /**
   * The name that replaces the endpoint in the identity. A new version of the model needs a new name.
   *
   * @default the endpoint and the region
   */
  readonly service?: string;
  /**
   * Address of the service, if it differs from the region's: for example an endpoint of a private network.
   *
   * @default the address of the region
   */
  readonly url?: string;
}

const {key: _, keyHeader: __, ...SAGEMAKER_SERVICE_KINDS} = SERVICE_KINDS;
const KINDS = {
  ...SAGEMAKER_SERVICE_KINDS,
  ...AWS_KINDS,
  ...MAPPED_KINDS,
  endpoint: kinds.text,
  variant: kinds.text,
  model: kinds.text,
  component: kinds.text,
  service: kinds.text,
  url: kinds.text,
} satisfies Shape<SagemakerOptions>;

/**
 * A classifier on an Amazon SageMaker endpoint. The container decides the format of requests and replies, so give both
 * as for `http`. A request holds at most 6 MB. The output that is read decides the access: scores make it gray-box, labels black-box.
 *
 * If the model refuses a query, only that query fails: its batch is halved until the query is alone.
 *
 * @throws InputError if the options can't be used
 */
export function sagemaker(options: SagemakerOptions & {readonly output: ScoreLocation}): Teacher<'gray-box'>;
export function sagemaker(options: SagemakerOptions & {readonly output: LabelLocation}): Teacher<'black-box'>;
export function sagemaker(options: SagemakerOptions): Teacher {
  checkOptions('sagemaker', options, KINDS, ['endpoint', 'classes']);
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
      address,
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
      refusalAdvice: adviceFor,
      refusesInput,
    },
  );
}

/** Returns the headers that choose one of the endpoint's models. */
function targetIn({variant, model, component}: SagemakerOptions): Readonly<Record<string, string>> {
  return {
    ...(variant !== undefined && {'x-amzn-sagemaker-target-variant': variant}),
    ...(model !== undefined && {'x-amzn-sagemaker-target-model': model}),
    ...(component !== undefined && {'x-amzn-sagemaker-inference-component': component}),
  };
}

/** Returns the container's status, which a `ModelError` holds. The container's own message can quote the input. */
function containerStatus(reply: Reply): number | undefined {
  if (reply.status !== 424) return undefined;
  try {
    const {OriginalStatusCode: status} = parseJson('', reply) as {readonly OriginalStatusCode?: unknown};
    return typeof status === 'number' ? status : undefined;
  } catch {
    return undefined;
  }
}

/** The service answers 400 to wrong credentials and exceeded limits too. Those are not the input's fault. */
function refusesInput(reply: Reply): boolean {
  const type = String(reply.headers['x-amzn-errortype'] ?? 'ValidationError');
  const status = containerStatus(reply) ?? (type.startsWith('Validation') ? reply.status : 0);
  return [400, 413, 422].includes(status);
}

function adviceFor(reply: Reply): RefusalAdvice {
  if (reply.status === 424) return {byStatus: {424: modelError(containerStatus(reply))}};
  return {byCode: ERRORS, byCause: {model: NO_ENDPOINT}, byStatus: STATUSES};
}

const NO_ENDPOINT = 'There is no such endpoint, or no such model on it. Check `endpoint` and `region`.';

function modelError(status: number | undefined): Explanation {
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

const ERRORS: NonNullable<RefusalAdvice['byCode']> = {
  ...AWS_ERRORS,
  ModelNotReadyException: notReady,
  ValidationError: invalid,
  ValidationException: invalid,
  InternalDependencyException: {problem: 'It failed, because another AWS service failed.', retryable: true},
};

/** Used if the reply names no error. */
const STATUSES: NonNullable<RefusalAdvice['byStatus']> = {
  ...AWS_STATUSES,
  400: invalid,
  413: {problem: 'The request is larger than 6 MB. Lower `maxBatch`.'},
};
