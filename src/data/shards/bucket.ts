import {setTimeout} from 'node:timers/promises';
import aws4 from 'aws4';
import {parseHTML} from 'linkedom';
import {request} from 'undici';
import {InputError} from '../../errors.ts';
import {keepSecret} from '../../secrets.ts';
import type {ShardFile, ShardSource} from './source.ts';

/** How often a request is sent, and the pause after the first time in milliseconds. It doubles. */
const ATTEMPTS = 5;
const FIRST_PAUSE = 200;
/** Milliseconds after which a request that gets no byte is sent again. */
const PATIENCE = 30_000;

/**
 * The shards in an S3-compatible bucket whose keys begin with a prefix, by ranges of bytes. Credentials, region and endpoint
 * are those of the standard variables of the environment.
 *
 * @param url - such as `s3://bucket/prefix`
 * @throws InputError if it names no bucket; `list` and `read` throw one if the bucket can't be read
 */
export function bucketSource(url: string): ShardSource {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*))?$/.exec(url) ?? [];
  if (bucket === undefined) throw new InputError(`${url} names no bucket. Write s3://BUCKET/PREFIX.`);
  const get = (key: string, query: string, headers: Readonly<Record<string, string>> = {}) =>
    fetched(url, addressOf(bucket, key, query), headers);
  // A prefix is a folder, or one object.
  const isBelow = (key: string) => prefix === '' || key === prefix || key.startsWith(prefix.replace(/\/?$/, '/'));
  return {
    name: url,
    async list() {
      const files: ShardFile[] = [];
      for (let token: string | undefined = ''; token !== undefined; ) {
        const next: string = token === '' ? '' : `&continuation-token=${encoded(token)}`;
        const {body} = await get('', `list-type=2${next}&prefix=${encoded(prefix)}`);
        const page = pageOf(url, body);
        for (const file of page.files) if (file.size > 0 && isBelow(file.name)) files.push(file);
        token = page.next;
      }
      return files.sort((one, other) => (one.name < other.name ? -1 : 1));
    },
    async read({name, version}, start, end) {
      if (start === end) return Buffer.alloc(0);
      const {body: bytes, etag = version} = await get(name, '', {
        range: `bytes=${start}-${end - 1}`,
        'if-match': version,
      });
      // Some servers leave the condition out.
      if (etag !== version) throw refused(url, CHANGED, '');
      if (bytes.length === end - start) return bytes;
      throw new InputError(
        `s3://${bucket}/${name}: ${bytes.length} bytes came for ${end - start}. Its server gives no ranges.`,
      );
    },
  };
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
      {
        cause,
      },
    );
  }
}

function region(): string {
  return process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'] || 'us-east-1';
}

/** As signatures want it: all but letters, digits and `-._~`. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, letter => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A reply. */
interface Fetched {
  readonly status: number;
  readonly body: Buffer;
  readonly etag: string | undefined;
}

/** The status of a reply to a condition that does not hold. */
const CHANGED = 412;

/** A reply that succeeded. A request that failed for a reason that may pass is sent again. */
async function fetched(source: string, url: URL, headers: Readonly<Record<string, string>>): Promise<Fetched> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await sent(url, headers).catch((error: Error) => ({error}));
    if ('error' in outcome) {
      if (attempt < ATTEMPTS) {
        await setTimeout(FIRST_PAUSE * 2 ** (attempt - 1));
        continue;
      }
      throw new InputError(
        `${source}: ${url.host} can't be reached (${outcome.error.message}). Check AWS_ENDPOINT_URL_S3 and the network.`,
        {cause: outcome.error},
      );
    }
    const {status, body} = outcome;
    if (status === 200 || status === 206) return outcome;
    if (attempt < ATTEMPTS && (status === 429 || status >= 500)) {
      await setTimeout(FIRST_PAUSE * 2 ** (attempt - 1));
      continue;
    }
    throw refused(source, status, body.toString());
  }
}

async function sent(url: URL, headers: Readonly<Record<string, string>>): Promise<Fetched> {
  const reply = await request(url, {
    headers: signed(url, headers),
    headersTimeout: PATIENCE,
    bodyTimeout: PATIENCE,
  });
  const {etag} = reply.headers;
  return {
    status: reply.statusCode,
    body: Buffer.from(await reply.body.arrayBuffer()),
    etag: typeof etag === 'string' ? etag : undefined,
  };
}

/** Without credentials a request is not signed, as public buckets take it. */
function signed(url: URL, headers: Readonly<Record<string, string>>): Record<string, string> {
  const accessKeyId = process.env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = keepSecret(process.env['AWS_SECRET_ACCESS_KEY']);
  const sessionToken = keepSecret(process.env['AWS_SESSION_TOKEN']);
  if (!accessKeyId || !secretAccessKey) return {...headers};
  const path = `${url.pathname}${url.search}`;
  const asked = {service: 's3', region: region(), method: 'GET', host: url.host, path, headers: {...headers}};
  const own = aws4.sign(asked, {accessKeyId, secretAccessKey, ...(sessionToken && {sessionToken})});
  return Object.fromEntries(Object.entries(own.headers ?? {}).map(([name, value]) => [name, String(value)]));
}

/** What a refusal means, and what to do. Of its body only the code is shown. */
function refused(source: string, status: number, body: string): InputError {
  const code = /<Code>(\w{1,40})<\/Code>/.exec(body)?.[1];
  const shown = code === undefined ? String(status) : `${status} ${code}`;
  const advice =
    status === CHANGED
      ? 'A shard was changed while it was read. Start again.'
      : status === 404
        ? 'There is no such bucket or key. Check its name, the region and AWS_ENDPOINT_URL_S3.'
        : status === 401 || status === 403
          ? 'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that they may list and read the bucket.'
          : status === 301 || status === 400
            ? 'Check AWS_REGION: it must be that of the bucket.'
            : 'Try again later.';
  return new InputError(`${source} can't be read: ${shown}. ${advice}`);
}

/** What is needed of an element of XML. */
interface Queried {
  querySelector(name: string): {readonly textContent: string | null} | null;
}

/** One page of a listing. */
function pageOf(
  source: string,
  body: Buffer,
): {readonly files: readonly ShardFile[]; readonly next: string | undefined} {
  const {document} = parseHTML(body.toString());
  if (!document.querySelector('ListBucketResult')) {
    throw new InputError(`${source}: its server does not list as S3 does. Check AWS_ENDPOINT_URL_S3.`);
  }
  const textIn = (element: Queried, name: string) => element.querySelector(name)?.textContent ?? undefined;
  const files = Array.from(document.querySelectorAll('Contents') as Iterable<Queried>, element => {
    const [name = '', size, version = ''] = ['Key', 'Size', 'ETag'].map(field => textIn(element, field));
    return {name, size: Number(size), version};
  });
  return {files, next: textIn(document, 'NextContinuationToken')};
}
