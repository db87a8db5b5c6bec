import {mkdtemp, rm} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import S3rver from 's3rver';
import {afterAll, beforeAll, beforeEach, describe, expect, it, vi} from 'vitest';
import {Bucket} from '../../../src/data/bucket/bucket.ts';

let folder: string;
let server: S3rver;
let endpoint: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-objects-'));
  const options = {port: 0, address: '127.0.0.1', silent: true, directory: folder};
  server = new S3rver({...options, configureBuckets: [{name: 'objects', configs: []}]});
  endpoint = `http://127.0.0.1:${(await server.run()).port}`;
});
afterAll(async () => {
  await server.close();
  await rm(folder, {recursive: true});
});
beforeEach(() => {
  vi.unstubAllEnvs();
  vi.stubEnv('AWS_ENDPOINT_URL_S3', endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'S3RVER');
});

const bytes = (text: string) => Buffer.from(text);

describe('Bucket', () => {
  it('keeps what is put in pieces, replaces it, gives ranges of it, and deletes it', async () => {
    const bucket = new Bucket('s3://objects/a b');
    await bucket.put('a b/c (1).bin', [bytes('old and longer')]);
    await bucket.put('a b/c (1).bin', [bytes('one '), new Uint8Array(0), bytes('two é')]);
    expect(String(await bucket.get('a b/c (1).bin'))).toBe('one two é');
    expect(await bucket.size('a b/c (1).bin')).toBe(10);
    expect(String(await bucket.read('a b/c (1).bin', {start: 4, end: 7}))).toBe('two');
    expect((await bucket.list()).map(({key}) => key)).toEqual(['a b/c (1).bin']);
    await bucket.delete('a b/c (1).bin');
    expect([await bucket.get('a b/c (1).bin'), await bucket.size('a b/c (1).bin')]).toEqual([undefined, undefined]);
  });

  it('tells that a bucket is absent, and not only an object', async () => {
    await expect(new Bucket('s3://absent').get('key')).rejects.toThrow(
      "s3://absent/key can't be read: 404 NoSuchBucket.",
    );
    await expect(new Bucket('s3://absent').put('key', [])).rejects.toThrow("s3://absent/key can't be written: 404");
  });

  it('refuses what is too large for one request, before it sends it', async () => {
    const large = new Array(6).fill(new Uint8Array(2 ** 30));
    await expect(new Bucket('s3://objects').put('large', large)).rejects.toThrow(
      's3://objects/large would have 6442450944 bytes, and S3 takes 5368709120 at once.',
    );
  });

  it('sends the SHA-256 of what it puts, and all of it again if the server is busy', async () => {
    const sent: {readonly sha256: unknown; readonly text: string}[] = [];
    const busy = createServer(async (request, response) => {
      let text = '';
      for await (const piece of request.setEncoding('utf8')) text += piece;
      sent.push({sha256: request.headers['x-amz-content-sha256'], text});
      response.writeHead(sent.length === 1 ? 503 : 200).end();
    });
    await new Promise<void>(resolve => busy.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('AWS_ENDPOINT_URL_S3', `http://127.0.0.1:${(busy.address() as AddressInfo).port}`);
    await new Bucket('s3://objects').put('key', [bytes('ab'), bytes('c')]);
    busy.close();
    // Of `abc`, from FIPS 180-4.
    const once = {sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', text: 'abc'};
    expect(sent).toEqual([once, once]);
  });

  it('never shows a key', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'NOBODY');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'a-secret-of-nobody-else');
    const error = await new Bucket('s3://objects').put('key', [bytes('x')]).catch((error: Error) => error);
    expect((error as Error).message).toMatch(
      /^s3:\/\/objects\/key can't be written: 403 \w+\. Check AWS_ACCESS_KEY_ID/,
    );
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('a-secret-of-nobody-else');
  });
});
