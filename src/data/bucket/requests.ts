import {Readable} from 'node:stream';
import {setTimeout} from 'node:timers/promises';
import aws4 from 'aws4';
import {request} from 'undici';
import {InputError} from '../../errors.ts';
import {keepSecret} from '../../secrets.ts';
import {sha256Of} from '../../sha256.ts';

/** How often a request is sent, and the pause after the first time in milliseconds. It doubles. */
const ATTEMPTS = 5;
const FIRST_PAUSE = 200;
/** Milliseconds after which a request that gets no byte is sent again. */
const PATIENCE = 30_000;

/** A request to a bucket. */
export interface BucketRequest {
  /** @default GET */
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** @default '' */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The bytes of a PUT, in pieces, one after another. */
  readonly pieces?: readonly Uint8Array[];
}

/** A reply that succeeded. */
export interface BucketReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** A request that a bucket refused, or that did not reach it. */
export class BucketError extends InputError {
  /** The HTTP status; undefined if no reply came. */
  readonly status: number | undefined;
  /** The service's own name of the reason, such as `NoSuchKey`. */
  readonly code: string | undefined;

  constructor(message: string, {status, code, ...options}: ErrorOptions & {status?: number; code?: string} = {}) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

/** The status of a reply to a condition that does not hold. */
export const CHANGED = 412 as const;

const RIGHTS =
  'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that they may list and read the bucket; to ' +
  'save knowledge, that they may write and delete, too.';
const REGION = 'Check AWS_REGION: it must be that of the bucket.';

/** What to do about a refusal, by its status. */
const ADVICE: Readonly<Record<number, string>> = {
  301: REGION,
  400: REGION,
  401: RIGHTS,
  403: RIGHTS,
  404: 'There is no such bucket or key. Check its name, the region and AWS_ENDPOINT_URL_S3.',
  [CHANGED]: 'A shard was changed while it was read. Start again.',
};

/**
 * Sends a request to a bucket. One that failed for a reason that may pass is sent again.
 *
 * @param source - the address of what is read or written, for messages
 * @throws BucketError if it is refused, or the server can't be reached
 */
export async function askBucket(
  source: string,
  [bucket, key]: readonly [bucket: string, key: string],
  asked: BucketRequest = {},
): Promise<BucketReply> {
  const url = addressOf(bucket, key, asked.query ?? '');
  for (let attempt = 1; ; attempt++) {
    const outcome = await sent(url, asked).catch((error: Error) => error);
    const isError = outcome instanceof Error;
    if (!isError && outcome.status < 300) return outcome;
    const mayPass = isError || outcome.status === 429 || outcome.status >= 500;
    if (!mayPass || attempt === ATTEMPTS) throw isError ? lost(source, url, outcome) : refused(source, asked, outcome);
    await setTimeout(FIRST_PAUSE * 2 ** (attempt - 1));
  }
}

/** By path, as other servers than that of AWS want it, and as AWS takes it for every name. */
function addressOf(bucket: string, key: string, query: string): URL {
  const {AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL} = process.env;
  const endpoint = AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL || `https://s3.${region()}.amazonaws.com`;
  const path = [bucket, ...key.split('/')].map(encoded).join('/');
  try {
    return new URL(`${endpoint.replace(/\/$/, '')}/${path}${query && `?${query}`}`);
  } catch (cause) {
    throw new InputError(
      'AWS_ENDPOINT_URL_S3 (or AWS_ENDPOINT_URL) is no URL. Write one such as https://s3.example.com.',
      {cause},
    );
  }
}

function region(): string {
  return process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'] || 'us-east-1';
}

/** As signatures want it: all but letters, digits and `-._~`. */
export function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, letter => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

async function sent(url: URL, {method = 'GET', headers = {}, pieces}: BucketRequest): Promise<BucketReply> {
  const reply = await request(url, {
    method,
    headers: signed(url, method, {...headers, ...(pieces && describe(pieces))}),
    body: pieces === undefined ? null : Readable.from(pieces, {objectMode: false}),
    headersTimeout: PATIENCE,
    bodyTimeout: PATIENCE,
  });
  return {status: reply.statusCode, headers: reply.headers, body: Buffer.from(await reply.body.arrayBuffer())};
}

/** The server compares what came with these, so that what it keeps is what was sent. */
function describe(pieces: readonly Uint8Array[]): Record<string, string> {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return {'content-length': String(length), 'x-amz-content-sha256': sha256Of(...pieces)};
}

/** Without credentials a request is not signed, as public buckets take it. */
function signed(url: URL, method: string, headers: Readonly<Record<string, string>>): Record<string, string> {
  const accessKeyId = process.env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = keepSecret(process.env['AWS_SECRET_ACCESS_KEY']);
  const sessionToken = keepSecret(process.env['AWS_SESSION_TOKEN']);
  if (!accessKeyId || !secretAccessKey) return {...headers};
  const path = `${url.pathname}${url.search}`;
  const asked = {service: 's3', region: region(), method, host: url.host, path, headers: {...headers}};
  const own = aws4.sign(asked, {accessKeyId, secretAccessKey, ...(sessionToken && {sessionToken})});
  return Object.fromEntries(Object.entries(own.headers ?? {}).map(([name, value]) => [name, String(value)]));
}

function lost(source: string, {host}: URL, cause: Error): BucketError {
  return new BucketError(
    `${source}: ${host} can't be reached (${cause.message}). Check AWS_ENDPOINT_URL_S3 and the network.`,
    {cause},
  );
}

/** What a refusal means, and what to do. Of its body only the code is shown. */
export function refused(
  source: string,
  {method = 'GET'}: BucketRequest,
  {status, body}: Pick<BucketReply, 'status'> & Partial<BucketReply>,
): BucketError {
  const code = /<Code>(\w{1,40})<\/Code>/.exec(body?.toString() ?? '')?.[1];
  const shown = code === undefined ? String(status) : `${status} ${code}`;
  const verb = {GET: 'read', HEAD: 'read', PUT: 'written', DELETE: 'deleted'}[method];
  return new BucketError(`${source} can't be ${verb}: ${shown}. ${ADVICE[status] ?? 'Try again later.'}`, {
    status,
    ...(code !== undefined && {code}),
  });
}
