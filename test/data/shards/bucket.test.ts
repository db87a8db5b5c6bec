import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import S3rver from 's3rver';
import {afterAll, beforeAll, beforeEach, describe, expect, it, vi} from 'vitest';
import {bucketSource} from '../../../src/data/shards/bucket.ts';
import {textShards} from '../../../src/data/shards/dataset.ts';
import {openShards} from '../../../src/data/shards/open.ts';
import {localSource} from '../../../src/data/shards/source.ts';
import {writeLines, writeShards} from './shard-files.ts';

const TEXTS = Array.from({length: 300}, (_, row) => `row ${row} & é ${'x'.repeat(row % 9)}`);
let folder: string;
let server: S3rver;
let endpoint: string;

/** The keys that s3rver knows. */
const credentials = {AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER'};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-bucket-'));
  await writeShards(join(folder, 'set'), TEXTS, [120, 50, 0, 130]);
  await writeLines(join(folder, 'test.jsonl'), ['to measure by']);
  const options = {port: 0, address: '127.0.0.1', silent: true, directory: join(folder, 's3')};
  server = new S3rver({...options, configureBuckets: [{name: 'shards', configs: []}]});
  const {port} = await server.run();
  endpoint = `http://127.0.0.1:${port}`;
  await put('test.jsonl', await readFile(join(folder, 'test.jsonl')));
  for (const name of await readdir(join(folder, 'set'))) {
    await put(`sets/a (1) + b/${name}`, await readFile(join(folder, 'set', name)));
    await put(`sets/a (1) + begins alike/${name}`, Buffer.from('"other"'));
  }
});
afterAll(async () => {
  await server.close();
  await rm(folder, {recursive: true});
});

beforeEach(() => {
  vi.unstubAllEnvs();
  for (const [name, value] of Object.entries({...credentials, AWS_ENDPOINT_URL_S3: endpoint})) vi.stubEnv(name, value);
});

async function put(key: string, body: Uint8Array): Promise<void> {
  const path = key.split('/').map(encodeURIComponent).join('/');
  const {default: aws4} = await import('aws4');
  const {host} = new URL(endpoint);
  const signed = aws4.sign(
    {service: 's3', region: 'us-east-1', method: 'PUT', host, path: `/shards/${path}`, body: Buffer.from(body)},
    {accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER'},
  );
  const {'Content-Length': _, ...headers} = signed.headers as Record<string, string>;
  const reply = await fetch(`${endpoint}/shards/${path}`, {method: 'PUT', body: Buffer.from(body), headers});
  if (!reply.ok) throw new Error(`PUT ${key}: ${reply.status} ${await reply.text()}`);
}

const open = (source: ReturnType<typeof bucketSource>) => openShards(source, join(folder, 'index'), () => ['text']);
const textOf = ({value}: {readonly value: unknown}) => (value as {readonly text: string}).text;

describe('bucketSource', () => {
  it('reads the rows of a bucket by range, the same as those of a folder', async () => {
    const shards = await open(bucketSource('s3://shards/sets/a (1) + b'));
    expect(shards.count).toBe(300);
    const rows = [299, 0, 121, 168, 5, 170];
    expect(await shards.read(rows, textOf)).toEqual(rows.map(row => TEXTS[row]));
    const local = await open(localSource(join(folder, 'set')));
    expect(await shards.read([7], textOf)).toEqual(await local.read([7], textOf));
  });

  it('is what a data set of texts reads, with one object as its test split', async () => {
    const options = {path: 's3://shards/sets/a (1) + b/', test: 's3://shards/test.jsonl', index: join(folder, 'index')};
    const {train, test} = await textShards(options);
    expect([train.count, test.inputs]).toEqual([300, {kind: 'text', count: 1, texts: ['to measure by']}]);
  });

  it('notices that a shard was changed', async () => {
    await put('changes/a.jsonl', Buffer.from('"one"'));
    const source = bucketSource('s3://shards/changes');
    const [file] = await source.list();
    await put('changes/a.jsonl', Buffer.from('"two"'));
    await expect(source.read(file!, 0, 5)).rejects.toThrow(
      "s3://shards/changes can't be read: 412. A shard was changed",
    );
  });

  it.each([
    [
      {AWS_ACCESS_KEY_ID: 'NOBODY', AWS_SECRET_ACCESS_KEY: 'a-secret-of-no-other-file'},
      's3://shards/sets',
      '403 InvalidAccessKeyId. Check AWS_ACCESS_KEY_ID',
    ],
    [{}, 's3://absent/sets', '404 NoSuchBucket. There is no such bucket or key'],
    [{AWS_ENDPOINT_URL_S3: 'here'}, 's3://shards/sets', 'AWS_ENDPOINT_URL_S3 (or AWS_ENDPOINT_URL) is no URL'],
  ])("says what to do if the bucket can't be read, without a key: %j", async (env, url, message) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const error = await bucketSource(url)
      .list()
      .catch((error: Error) => error);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain('a-secret-of-no-other-file');
  });

  it('refuses an address without a bucket', () => {
    expect(() => bucketSource('s3://')).toThrow('s3:// names no bucket. Write s3://BUCKET/PREFIX.');
  });

  /** A listing of one object, and the token of the next page if there is one. */
  const listing = (key: string, token = '') =>
    `<ListBucketResult><Contents><Key>${key}</Key><Size>5</Size><ETag>"e"</ETag></Contents>${token}</ListBucketResult>`;

  it('asks again if its server is busy or breaks off, and reads a listing of several pages', async () => {
    const asked: string[] = [];
    // The server above can't divide a listing: it needs a cipher that OpenSSL has left out.
    const busy = createServer(({url, headers}, response) => {
      asked.push(url!);
      expect(headers.authorization).toContain('Credential=S3RVER/');
      if (asked.length === 1) response.destroy();
      else if (asked.length === 2) response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
      else if (asked.length === 3)
        response.end(listing('b &amp; c.jsonl', '<NextContinuationToken>a/b=</NextContinuationToken>'));
      else response.end(listing('a.jsonl'));
    });
    await new Promise<void>(resolve => busy.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('AWS_ENDPOINT_URL_S3', `http://127.0.0.1:${(busy.address() as AddressInfo).port}`);
    const files = await bucketSource('s3://shards').list();
    busy.close();
    expect(files.map(({name}) => name)).toEqual(['a.jsonl', 'b & c.jsonl']);
    expect(asked.slice(2)).toEqual([
      '/shards/?list-type=2&prefix=',
      '/shards/?list-type=2&continuation-token=a%2Fb%3D&prefix=',
    ]);
  });
});
