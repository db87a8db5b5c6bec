import {readFileSync} from 'node:fs';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {z} from 'zod';
import {readResults} from '../../src/study/read-results.ts';
import type {Results} from '../../src/study/results.ts';
import {read, root} from '../pages.ts';
import {describedSchema, documentPage, JOINT, RESULTS} from './results-documents.ts';
import {sampleResults} from './sample-results.ts';

const writtenBefore = join(root, 'test/fixtures/written-before/study/results.json');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-'));
});
afterAll(() => rm(folder, {recursive: true}));

/** Writes a document as results of a study, and reads it. */
async function writtenAndRead(document: unknown): Promise<Results> {
  const path = join(folder, 'results.json');
  await writeFile(path, typeof document === 'string' ? document : JSON.stringify(document));
  return readResults(path);
}

describe('readResults', () => {
  it('gives what was written, from the file or from its folder', async () => {
    const results = sampleResults();
    expect(await writtenAndRead(results)).toEqual(results);
    expect(await readResults(folder)).toEqual(results);
  });

  it('gives NaN for null, if a number may be NaN, and leaves null that says something', async () => {
    const {rows, ...rest} = sampleResults();
    const row = {...rows[0]!, klToTeacher: Number.NaN, agreementBounds: [0.9, Number.NaN] as const};
    const curve = [{epoch: 1, step: 32, loss: 0.1, validationAccuracy: null}];
    const results = {...rest, truth: 'teacher', rows: [{...row, accuracy: Number.NaN, curve}]};
    expect(await writtenAndRead(results)).toEqual(results);
  });

  it('reads results of earlier versions', async () => {
    const stored = JSON.parse(readFileSync(writtenBefore, 'utf8')) as Results;
    expect(stored).toMatchObject(await readResults(writtenBefore));
  });

  it('drops fields that later versions add', async () => {
    const results = sampleResults();
    const read = await writtenAndRead({...results, added: 1, rows: results.rows.map(row => ({...row, added: 2}))});
    expect(read).toEqual(results);
  });

  it.each<[what: string, document: unknown, message: RegExp]>([
    ['no JSON', '{', /results\.json holds no results. Give the `results.json` that `limbeck compare` wrote/],
    ['another document', {name: 'mine'}, /holds no results/],
    [
      'a later format',
      {...sampleResults(), schema: 'limbeck.results/2'},
      /has the format limbeck\.results\/2, and this version of limbeck reads limbeck\.results\/1\. Update limbeck/,
    ],
    ['a field of another kind', {...sampleResults(), seeds: 'all'}, /not as `limbeck compare` wrote it: seeds: /],
  ])('refuses %s', async (_, document, message) => {
    await expect(writtenAndRead(document)).rejects.toThrow(message);
  });

  it('names a file that is not there', async () => {
    await expect(readResults(join(folder, 'none'))).rejects.toThrow(/none is not there. Give the `results.json`/);
  });
});

describe('results.schema.json', () => {
  const schema = z.fromJSONSchema(JSON.parse(read('results.schema.json')));

  // `npm run docs:results` writes all of these files anew.
  it.each([
    ['results.schema.json', 'docs/reference/results.md', RESULTS],
    ['joint.schema.json', 'docs/reference/joint-results.md', JOINT],
  ])('and the page about it say what the types say: %s', async (file, page, document) => {
    const text = `${JSON.stringify(describedSchema(document), undefined, 2)}\n`;
    await expect(text).toMatchFileSnapshot(join(root, file));
    await expect(documentPage(document)).toMatchFileSnapshot(join(root, page));
  });

  it('accepts results of this version and of earlier ones, with null for NaN', () => {
    const {rows, ...rest} = sampleResults();
    const results = {...rest, rows: rows.map(row => ({...row, accuracy: Number.NaN}))};
    for (const document of [JSON.stringify(results), readFileSync(writtenBefore, 'utf8')]) {
      expect(schema.safeParse(JSON.parse(document)).error?.issues).toBeUndefined();
    }
  });

  it('refuses results with a field that is missing, or of another kind', () => {
    const {seeds, ...rest} = JSON.parse(JSON.stringify(sampleResults()));
    expect(schema.safeParse({...rest, seeds}).success).toBe(true);
    expect(schema.safeParse(rest).success).toBe(false);
    expect(schema.safeParse({...rest, seeds: ['one']}).success).toBe(false);
    expect(schema.safeParse({...rest, seeds, schema: 'limbeck.results/2'}).success).toBe(false);
  });
});
