import aws4 from 'aws4';
import {InputError, TeacherError} from '../../src/errors.ts';
import {kinds, type Shape} from '../../src/options.ts';
import {keepSecret} from '../../src/secrets.ts';
import type {RefusalAdvice} from './refusal.ts';
import type {Connection, UnsignedRequest} from './request.ts';

/** The region and the credentials of requests. */
export interface AwsOptions {
  /**
   * For example `eu-central-1`.
   *
   * @default the environment variable AWS_REGION, or AWS_DEFAULT_REGION
   */
  readonly region?: string;
  /**
   * AWS credentials. A function is called for every request, because the credentials of a role expire.
   *
   * @default the environment variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
   */
  readonly credentials?: AwsCredentials | (() => AwsCredentials);
}

/** The kinds of `AwsOptions`. */
export const AWS_KINDS: Shape<AwsOptions> = {region: kinds.text, credentials: kinds.objectOrCall};

interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Only for temporary credentials. */
  readonly sessionToken?: string;
}

interface AwsService {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** The service's name in signatures, for example `sagemaker`. */
  readonly service: string;
  readonly region: string;
  /** A key that is sent unchanged, if there is one. Requests are then not signed. */
  readonly apiKey?: () => string | undefined;
}

/** The part of a connection that depends on AWS. Its key is the access key's id, which is no secret. */
type AwsAccess = Required<Pick<Connection, 'key' | 'keyVariable' | 'authorize'>>;

/** Reads credentials late, and again for every request. */
export function awsAccess({credentials}: AwsOptions, service: AwsService): AwsAccess {
  const read = () => known(typeof credentials === 'function' ? credentials() : (credentials ?? fromEnvironment()));
  const {apiKey = () => undefined} = service;
  return {
    key: () => apiKey() || read().accessKeyId,
    keyVariable: 'AWS_ACCESS_KEY_ID',
    authorize: (key, request) =>
      key === apiKey() ? {authorization: `Bearer ${key}`} : signatureOf(request, read(), service),
  };
}

function known(credentials: AwsCredentials): AwsCredentials {
  keepSecret(credentials.secretAccessKey);
  keepSecret(credentials.sessionToken);
  return credentials;
}

/** @throws InputError if no region is given or set in the environment, or it is no valid region */
export function regionOf({
  region = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'],
}: AwsOptions): string {
  if (region && /^[a-z]{2,}(-[a-z0-9]+)+$/.test(region)) return region;
  throw new InputError(
    region
      ? `\`${region}\` is no region of AWS. Give one such as eu-central-1.`
      : 'The service has no region. Pass `region` or set AWS_REGION.',
  );
}

/** Missing variables are empty. The request is then unsigned, and the service answers that it needs a key. */
function fromEnvironment(): AwsCredentials {
  const {env} = process;
  const sessionToken = env['AWS_SESSION_TOKEN'];
  return {
    accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    ...(sessionToken && {sessionToken}),
  };
}

/** Returns the headers of a signature, version 4, over the whole request. */
function signatureOf(
  {url, method, headers, body = ''}: UnsignedRequest,
  credentials: AwsCredentials,
  {name, service, region}: AwsService,
): Readonly<Record<string, string>> {
  if (!credentials.secretAccessKey) {
    throw new TeacherError(
      name,
      'Its access key has no secret. Set AWS_SECRET_ACCESS_KEY or pass `secretAccessKey` in `credentials`.',
    );
  }
  const signed = aws4.sign(
    {
      service,
      region,
      method,
      host: url.host,
      path: `${url.pathname}${url.search}`,
      headers: {...headers, host: url.host},
      body: typeof body === 'string' ? body : Buffer.from(body),
    },
    {...credentials},
  );
  const all = Object.entries(signed.headers ?? {}).map(([header, value]) => [header.toLowerCase(), String(value)]);
  // The other headers were given, or are set on every request anyway.
  return Object.fromEntries(all.filter(([header]) => header === 'authorization' || header?.startsWith('x-amz-')));
}

const credentialsAdvice = 'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or `credentials`.';

const noCredentials = {
  problem: 'It asks for credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass `credentials`.',
};
const unknownCredentials = {problem: `It refuses the credentials. ${credentialsAdvice}`};
const wrongSignature = {
  problem: `It refuses the signature. Check the secret key and \`region\`, and the clock of this machine.`,
};
const expired = {
  problem: 'The credentials have expired. Get new ones, or pass `credentials` as a function that does.',
};
const tooMany = {problem: 'It gets too many requests. Lower `concurrency` or the rate.', retryable: true};
const overloaded = {problem: 'It can not take the request now.', retryable: true};

/** What to do about the errors that AWS services share. An adapter adds those of its own service. */
export const AWS_ERRORS: NonNullable<RefusalAdvice['byCode']> = {
  AccessDeniedException: {
    problem: `The credentials may not ask it. Check their policy; without credentials, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
  },
  MissingAuthenticationTokenException: noCredentials,
  MissingAuthenticationToken: noCredentials,
  UnrecognizedClientException: unknownCredentials,
  InvalidClientTokenId: unknownCredentials,
  InvalidSignatureException: wrongSignature,
  SignatureDoesNotMatch: wrongSignature,
  IncompleteSignatureException: wrongSignature,
  IncompleteSignature: wrongSignature,
  RequestExpired: wrongSignature,
  ExpiredTokenException: expired,
  ExpiredToken: expired,
  OptInRequired: {problem: 'The account has not subscribed to the service. Do so in its console.'},
  ThrottlingException: tooMany,
  Throttling: tooMany,
  TooManyRequestsException: tooMany,
  RequestLimitExceeded: tooMany,
  ServiceUnavailable: overloaded,
  ServiceUnavailableException: overloaded,
  InternalFailure: {problem: 'It failed. The status page of AWS can say why.', retryable: true},
};

const denied = AWS_ERRORS['AccessDeniedException']!;

/** What to do about a refused key, whatever its code. */
export const AWS_STATUSES: NonNullable<RefusalAdvice['byStatus']> = {401: denied, 403: denied};
