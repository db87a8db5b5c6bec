import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {layers} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {exportPage} from '../../src/export/web.ts';
import {embeddingHead} from '../../src/student/embedding-head.ts';
import {saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student} from '../../src/student/student.ts';
import {withVectors} from '../../src/student/vectors.ts';
import {imageTask, smallStudent} from '../student/examples.ts';

let folder: string;
beforeAll(startEngine);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-web-'));
});
afterEach(async () => {
  await rm(folder, {recursive: true});
});

async function bytesOf(names: readonly string[]): Promise<number> {
  const sizes = await Promise.all(names.map(async name => (await readFile(join(folder, 'page', name))).length));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const page = (): Promise<string> => readFile(join(folder, 'page', 'index.html'), 'utf8');

describe('an exported page', () => {
  it('stands in its folder with all that it needs, and holds the weights once', async () => {
    const student = smallStudent();
    const {bytes, ...exported} = await exportPage(join(folder, 'page'), student, {madeBy: {seed: 7}});
    expect(exported).toEqual({form: 'image', opensFromFile: true});
    const names = ['index.html', 'limbeck.json', 'page.js', 'student-data.js', 'student.js'];
    expect((await readdir(join(folder, 'page'))).sort()).toEqual(names);
    expect(bytes).toBe(await bytesOf(names));
    await saveStudent(join(folder, 'saved'), student);
    const weights = await readFile(join(folder, 'saved', 'weights.bin'), 'base64');
    expect(await readFile(join(folder, 'page', 'student-data.js'), 'utf8')).toContain(`"weights":"${weights}"`);
    expect(JSON.parse(await readFile(join(folder, 'page', 'limbeck.json'), 'utf8'))).toMatchObject({madeBy: {seed: 7}});
  });

  it('holds weights in a file of their own if they are large', async () => {
    const {bytes, opensFromFile} = await exportPage(join(folder, 'page'), smallStudent(), {mostInlineBytes: 1});
    expect(opensFromFile).toBe(false);
    const names = ['index.html', 'limbeck.json', 'page.js', 'student-data.js', 'student.js', 'weights.bin'];
    expect((await readdir(join(folder, 'page'))).sort()).toEqual(names);
    expect(bytes).toBe(await bytesOf(names));
  });

  it('keeps the licences of what it ships', async () => {
    await exportPage(join(folder, 'page'), smallStudent());
    expect(await readFile(join(folder, 'page', 'student.js'), 'utf8')).toMatch(/Licensed under the Apache License/);
  });

  it('replaces an earlier page, and nothing else', async () => {
    await exportPage(join(folder, 'page'), smallStudent(1), {title: 'First'});
    await exportPage(join(folder, 'page'), smallStudent(2), {title: 'Second'});
    expect(await page()).toContain('<title>Second</title>');
    await writeFile(join(folder, 'page', 'mine.txt'), '');
    await expect(exportPage(join(folder, 'page'), smallStudent())).rejects.toThrow('mine.txt');
    expect((await readdir(folder)).sort()).toEqual(['page']);
  });

  it('is called by its classes if nobody names it', async () => {
    await exportPage(join(folder, 'page'), named(['ham', 'spam']));
    expect(await page()).toContain('<h1>ham or spam?</h1>');
    await exportPage(join(folder, 'page'), named(['a', 'b', 'c']));
    expect(await page()).toContain('<h1>a, b or c?</h1>');
    await exportPage(join(folder, 'page'), smallStudent());
    expect(await page()).toContain('<h1>Which of 10 classes?</h1>');
  });

  it('says of a student whether it is calibrated, and when it abstains', async () => {
    await exportPage(join(folder, 'page'), named(['ham', 'spam']));
    expect(await page()).toContain('was not calibrated');
    const calibration = {temperature: 1.25, threshold: 0.875};
    await exportPage(join(folder, 'page'), {...named(['ham', 'spam']), calibration});
    expect(await page()).toContain('(temperature 1.25). Below 87.5 % it abstains.');
  });

  it.each([
    ['text', () => named(['a', 'b'])],
    ['image', () => mlp({units: [2]})(imageTask([4, 4, 3]), 1)],
    ['image', () => plain([4, 4, 1], {scale: 1 / 255})],
    ['numbers', () => plain([4, 4, 1], {})],
    ['numbers', () => ({...plain([4, 4, 1], {scale: 1 / 255}), dtype: 'float32' as const})],
    ['numbers', () => mlp({units: [2]})(imageTask([4, 4, 2]), 1)],
    ['numbers', () => plain([5], {})],
  ] as const)('asks by %s where that is what the student takes: %#', async (form, make) => {
    expect(await exportPage(join(folder, 'page'), make())).toMatchObject({form});
  });

  it('is refused to a student on embeddings, whose model it would not hold', async () => {
    const model = join(import.meta.dirname, '../fixtures/tiny-model/cls');
    const task = {classes: ['good', 'bad'], kind: 'text', inputShape: [], preprocessing: {}} as const;
    const refused = exportPage(join(folder, 'page'), embeddingHead({model})(task, 1));
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow('an embedding model, which a page does not contain');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused to a student of vectors, which has no classes to show', async () => {
    const task = {classes: [], kind: 'text', inputShape: [], preprocessing: {}} as const;
    const student = withVectors(hashedNgrams({buckets: 64, units: []}), 3)(task, 1);
    const refused = exportPage(join(folder, 'page'), student);
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow('gives vectors, and `exportPage` needs classes');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused to a student of inputs of any length', async () => {
    const model = layers.sequential({
      layers: [
        layers.layers.globalAveragePooling1d({inputShape: [null as unknown as number, 3]}),
        layers.layers.dense({units: 2}),
      ],
    });
    const student = makeStudent({model, classes: ['a', 'b'], preprocessing: {}, output: 'logits'});
    await expect(exportPage(join(folder, 'page'), student)).rejects.toThrow(InputError);
    expect(await readdir(folder)).toEqual([]);
  });
});

function named(classes: readonly string[]): Student {
  return hashedNgrams({buckets: 64, units: []})({classes, kind: 'text', inputShape: [], preprocessing: {}}, 1);
}

function plain(inputShape: readonly number[], preprocessing: Student['preprocessing']): Student {
  return mlp({units: [2]})({classes: ['a', 'b'], inputShape, preprocessing}, 1);
}
