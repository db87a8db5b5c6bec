import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {downloadFromIndex} from '../../../src/engine/install/simple-index.ts';
import {TARGET, WHEEL} from './fake-wheel.ts';
import {serve, serveIndex, temporaryFolder} from './loopback.ts';

const PAGE = '/simple/tensorflow-test/';
const FILE = `/files/${TARGET.file}`;

const temporaryPath = async () => join(await temporaryFolder(), 'wheel');
const withKey = (url: string) => url.replace('//', '//me:s%40cret@');
const BASIC = `Basic ${Buffer.from('me:s@cret').toString('base64')}`;

describe('downloadFromIndex', () => {
  it('finds the file on a page in HTML and tells how far it is', async () => {
    const [index, path] = [await serveIndex(), await temporaryPath()];
    const shares: number[] = [];
    await downloadFromIndex(TARGET, `${index.url}/simple/`, path, {onProgress: share => shares.push(share)});
    expect(await readFile(path)).toEqual(WHEEL);
    expect(shares.at(-1)).toBe(1);
    expect(index.asked).toEqual([PAGE, FILE]);
  });

  it('finds the file on a page in JSON', async () => {
    const document = {files: [{filename: TARGET.file, url: FILE, hashes: {sha256: TARGET.sha256}}]};
    const index = await serve({
      [PAGE]: (request, response) => {
        expect(request.headers.accept).toContain('application/vnd.pypi.simple.v1+json');
        response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json').end(JSON.stringify(document));
      },
      [FILE]: WHEEL,
    });
    const path = await temporaryPath();
    await downloadFromIndex(TARGET, `${index.url}/simple`, path);
    expect(await readFile(path)).toEqual(WHEEL);
  });

  it('gives its user and password to the index, and to no other host', async () => {
    const files = await serve({[FILE]: WHEEL});
    const index = await serve({[PAGE]: `<a href="${files.url}${FILE}">file</a>`});
    await downloadFromIndex(TARGET, `${withKey(index.url)}/simple`, await temporaryPath());
    expect(index.asked).toEqual([`${PAGE} ${BASIC}`]);
    expect(files.asked).toEqual([FILE]);
  });

  it('gives them for a file on the index’s own host too', async () => {
    const index = await serveIndex();
    await downloadFromIndex(TARGET, `${withKey(index.url)}/simple`, await temporaryPath());
    expect(index.asked).toEqual([`${PAGE} ${BASIC}`, `${FILE} ${BASIC}`]);
  });

  it('refuses a file of another hash before it downloads it', async () => {
    const other = '0'.repeat(64);
    const index = await serve({[PAGE]: `<a href="${FILE}#sha256=${other}">file</a>`, [FILE]: WHEEL});
    await expect(downloadFromIndex(TARGET, `${index.url}/simple`, await temporaryPath())).rejects.toThrow(
      `${TARGET.file} is not the published file: its SHA-256 is ${other}. Nothing of it was used.`,
    );
    expect(index.asked).toEqual([PAGE]);
  });

  it.each([
    ['has not the file', {[PAGE]: '<a href="other.whl">other</a>'}, `has no ${TARGET.file}`],
    ['has not the project', {}, `${PAGE} answered 404`],
    ['has lost the file', {[PAGE]: `<a href="${FILE}">file</a>`}, `${FILE} answered 404`],
  ])('says without its password that an index %s', async (_case, pages, message) => {
    const index = await serve(pages);
    const failure = downloadFromIndex(TARGET, `${withKey(index.url)}/simple`, await temporaryPath());
    await expect(failure).rejects.toMatchObject({
      name: 'EngineError',
      message: expect.stringMatching(/^(?!.*cret).*PIP_INDEX_URL/),
    });
    await expect(failure).rejects.toThrow(message);
  });

  it('says without its password that an index can’t be reached', async () => {
    const failure = downloadFromIndex(TARGET, 'http://me:s%40cret@127.0.0.1:1/simple', await temporaryPath());
    await expect(failure).rejects.toThrow(/^127\.0\.0\.1:1 can't be reached\. Check your network/);
  });

  it('says that a download broke off', async () => {
    const index = await serveIndex((_request, response) => {
      response.writeHead(200, {'content-length': WHEEL.length}).write(WHEEL.subarray(0, 10), () => response.destroy());
    });
    const failure = downloadFromIndex(TARGET, `${index.url}/simple`, await temporaryPath());
    await expect(failure).rejects.toThrow(`The download of ${TARGET.file} broke off. Run the command again.`);
  });

  it('says that a setting is no URL', async () => {
    await expect(downloadFromIndex(TARGET, 'mirror', await temporaryPath())).rejects.toThrow('PIP_INDEX_URL');
  });

  it('stops at an abort', async () => {
    const controller = new AbortController();
    const index = await serveIndex((_request, response) => {
      response.write(WHEEL.subarray(0, 10));
      setTimeout(() => controller.abort(), 50);
    });
    const failure = downloadFromIndex(TARGET, `${index.url}/simple`, await temporaryPath(), {
      signal: controller.signal,
    });
    await expect(failure).rejects.toMatchObject({name: 'AbortError'});
  });
});
