import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, expect, it} from 'vitest';
import {isLabelled} from '../../../src/data/split.ts';
import {textDataset} from '../../../src/data/texts/dataset.ts';
import {folders} from '../../study/tiny.ts';

const newFolder = folders();
let folder: string;

beforeAll(async () => {
  folder = await newFolder('dataset');
});

/** Texts without duplicates, with labels if asked for. */
async function file(name: string, count: number, isLabelledFile: boolean, first = 0): Promise<string> {
  const path = join(folder, `${name}.csv`);
  const rows = Array.from({length: count}, (_, index) => {
    const text = ((first + index + 1) * 7919 ** 3).toString(2);
    return isLabelledFile ? `${text},${index % 2 ? 'odd' : 'even'}` : text;
  });
  await writeFile(path, [isLabelledFile ? 'text,label' : 'text', ...rows].join('\n'));
  return path;
}

it('gives labelled texts their roles, with the card', async () => {
  const data = await textDataset({path: await file('labelled', 40, true), near: false});
  expect(isLabelled(data) && data.validation).toMatchObject({role: 'validation', inputs: {kind: 'text', count: 4}});
  expect(data).toMatchObject({
    classes: ['even', 'odd'],
    train: {role: 'train'},
    test: {role: 'test'},
    card: {kept: 40},
  });
});

it('trains on the validation texts if there are no labels', async () => {
  const data = await textDataset({path: await file('bare', 40, false), near: false, classes: ['even', 'odd']});
  expect(isLabelled(data)).toBe(false);
  expect([data.train.inputs.count, data.test.inputs.count]).toEqual([32, 8]);
  expect(data.train).not.toHaveProperty('labels');
});

it('ignores labels if only the test has them, and does not train on a file for validation', async () => {
  const path = {
    train: await file('train', 20, false),
    validation: await file('validation', 10, true, 100),
    test: await file('test', 10, true, 200),
  };
  const data = await textDataset({path, near: false});
  expect(isLabelled(data)).toBe(false);
  expect(data.train.inputs.count).toBe(20);
  expect(data.test).toEqual({role: 'test', inputs: {kind: 'text', count: 10, texts: expect.anything()}});
});
