import {parseHTML} from 'linkedom';
import {InputError} from '../../errors.ts';
import {askBucket, BucketError, CHANGED, encoded, refused} from './requests.ts';

/** An object in a bucket. */
export interface BucketObject {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  /** The tag of its content. */
  readonly tag: string;
}

/** Adjacent bytes of an object: from `start` to `end`, without that one. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
  /** If it is given and the object has another one, the read fails. */
  readonly tag?: string;
}

/** Most bytes of an object that is put in one request, by the limits of S3. */
const MOST_BYTES = 5 * 2 ** 30;

/**
 * A bucket of S3, or of a server that speaks as S3 does. Credentials, region and endpoint are those of the standard variables
 * of the environment, and are never shown. Every method throws an InputError that says what to do.
 */
export class Bucket {
  readonly #name: string;
  /** What its address names in it: a prefix, or a key. */
  readonly prefix: string;
  readonly #source: string;

  /**
   * @param url - such as `s3://bucket/prefix`
   * @throws InputError if it names no bucket
   */
  constructor(url: string) {
    const [, name, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*))?$/.exec(url) ?? [];
    if (name === undefined) throw new InputError(`${url} names no bucket. Write s3://BUCKET/PREFIX.`);
    this.#name = name;
    this.prefix = prefix;
    this.#source = url;
  }

  /** The objects whose keys begin with its prefix. */
  async list(prefix: string = this.prefix): Promise<readonly BucketObject[]> {
    const objects: BucketObject[] = [];
    for (let token: string | undefined = ''; token !== undefined; ) {
      const next: string = token === '' ? '' : `&continuation-token=${encoded(token)}`;
      const query = `list-type=2${next}&prefix=${encoded(prefix)}`;
      const page = pageOf(this.#source, (await askBucket(this.#source, [this.#name, ''], {query})).body);
      objects.push(...page.objects);
      token = page.next;
    }
    return objects;
  }

  /** A whole object; undefined if there is none. */
  async get(key: string): Promise<Buffer | undefined> {
    const found = await this.#found(askBucket(this.urlOf(key), [this.#name, key]));
    return found?.body;
  }

  /** Bytes of an object; undefined if there is none. */
  async size(key: string): Promise<number | undefined> {
    const found = await this.#found(askBucket(this.urlOf(key), [this.#name, key], {method: 'HEAD'}));
    return found && Number(found.headers['content-length']);
  }

  async read(key: string, {start, end, tag}: ByteRange): Promise<Buffer> {
    if (start === end) return Buffer.alloc(0);
    const condition = tag !== undefined && {'if-match': tag};
    const {body, headers} = await askBucket(this.#source, [this.#name, key], {
      headers: {range: `bytes=${start}-${end - 1}`, ...condition},
    });
    const {etag} = headers;
    // Some servers leave the condition out.
    if (tag !== undefined && typeof etag === 'string' && etag !== tag)
      throw refused(this.#source, {}, {status: CHANGED});
    if (body.length === end - start) return body;
    throw new InputError(
      `${this.urlOf(key)}: ${body.length} bytes came for ${end - start}. Its server gives no ranges.`,
    );
  }

  /** Writes an object in one step: it is there whole, with the SHA-256 that was sent, or not at all. */
  async put(key: string, pieces: readonly Uint8Array[]): Promise<void> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (bytes > MOST_BYTES) {
      throw new InputError(
        `${this.urlOf(key)} would have ${bytes} bytes, and S3 takes ${MOST_BYTES} at once. Label data in shards, whose ` +
          'knowledge is cut, or leave out `--knowledge`.',
      );
    }
    await askBucket(this.urlOf(key), [this.#name, key], {method: 'PUT', pieces});
  }

  async delete(key: string): Promise<void> {
    await askBucket(this.urlOf(key), [this.#name, key], {method: 'DELETE'});
  }

  /** The address of an object. */
  urlOf(key: string): string {
    return `s3://${this.#name}/${key}`;
  }

  async #found<T>(reply: Promise<T>): Promise<T | undefined> {
    try {
      return await reply;
    } catch (error) {
      // A reply to HEAD has no body that would tell the reason.
      if (error instanceof BucketError && error.status === 404 && error.code !== 'NoSuchBucket') return undefined;
      throw error;
    }
  }
}

/** What is needed of an element of XML. */
interface Queried {
  querySelector(name: string): {readonly textContent: string | null} | null;
}

/** One page of a listing. */
function pageOf(
  source: string,
  body: Buffer,
): {readonly objects: readonly BucketObject[]; readonly next: string | undefined} {
  const {document} = parseHTML(body.toString());
  if (!document.querySelector('ListBucketResult')) {
    throw new InputError(`${source}: its server does not list as S3 does. Check AWS_ENDPOINT_URL_S3.`);
  }
  const textIn = (element: Queried, name: string) => element.querySelector(name)?.textContent ?? undefined;
  const objects = Array.from(document.querySelectorAll('Contents') as Iterable<Queried>, element => {
    const [key = '', size, tag = ''] = ['Key', 'Size', 'ETag'].map(field => textIn(element, field));
    return {key, size: Number(size), tag};
  });
  return {objects, next: textIn(document, 'NextContinuationToken')};
}
