import {mkdtemp, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {type Dataset, isLabelled} from '../../../src/data/split.ts';
import {textDataset} from '../../../src/data/texts/dataset.ts';
import {countWritten, isTestWritten, realTrainingRows, type WrittenLine} from '../../../src/data/texts/written.ts';

const classes = ['refund', 'other'];
let folder: string;

const line = (text: string, label = 'refund'): WrittenLine => ({
  ...{text, label, origin: 'written', writer: 'pen', prompt: '0123456789abcdef'},
  ...{seed: 0, request: 0},
});
const save = async (name: string, lines: readonly object[]) => {
  const path = join(folder, name);
  await writeFile(path, lines.map(one => JSON.stringify(one)).join('\n'));
  return path;
};
const unlike = (word: string, count: number) =>
  Array.from({length: count}, (_, index) => `${word} ${(index + 7).toString(3).repeat(4)} ${index}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-written-'));
});

describe('textDataset with written texts', () => {
  it('puts them into the training split alone, without near-duplicates of real texts', async () => {
    const real = unlike('real', 40).map((text, index) => ({text, label: classes[index % 2]}));
    const path = await save('real.jsonl', real);
    const without = (await textDataset({path, classes, near: false})) as Dataset;
    const test = without.test.inputs as {readonly texts: readonly string[]};
    const repeated = line(`${test.texts[0]!.toUpperCase()} `);
    const written = await save('written.jsonl', [
      repeated,
      line('give me my money'),
      line('good morning', 'other'),
      line('Good  morning', 'other'),
    ]);
    const data = (await textDataset({path, classes, near: false, written})) as Dataset;
    expect(data.test).toEqual(without.test);
    expect(data.validation).toEqual(without.validation);
    expect(data.train.inputs.count).toBe(without.train.inputs.count + 2);
    expect([...data.written!]).toEqual(['give me my money', 'good morning']);
    expect([...data.train.labels.slice(-2)]).toEqual([0, 1]);
    expect(countWritten(data.train.inputs, data.written)).toBe(2);
    expect(isTestWritten(data)).toBe(false);
    expect(realTrainingRows(data)).toHaveLength(without.train.inputs.count);
  });

  it('adds them to real texts without labels', async () => {
    const path = await save(
      'bare.jsonl',
      unlike('bare', 30).map(text => ({text})),
    );
    const written = await save('more.jsonl', [line('give me my money')]);
    const data = await textDataset({path, classes, near: false, written});
    expect(isLabelled(data)).toBe(false);
    expect(countWritten(data.train.inputs, data.written)).toBe(1);
    expect(countWritten(data.test.inputs, data.written)).toBe(0);
  });

  it('has a test split that is written, if there are no real texts, and no true labels', async () => {
    const written = await save(
      'all.jsonl',
      unlike('pen', 40).map((text, index) => line(text, classes[index % 2])),
    );
    const data = await textDataset({written, classes, near: false});
    expect(isLabelled(data)).toBe(false);
    expect([data.train.inputs.count, data.test.inputs.count]).toEqual([32, 8]);
    expect(isTestWritten(data)).toBe(true);
    expect(realTrainingRows(data)).toEqual([]);
  });

  it('refuses a class that the data do not have, and says where', async () => {
    const path = await save(
      'real-2.jsonl',
      unlike('real', 30).map(text => ({text})),
    );
    const written = await save('wrong.jsonl', [line('one'), line('two', 'complaint')]);
    await expect(textDataset({path, classes, written})).rejects.toThrow(
      'wrong.jsonl, line 2: written for "complaint", which is none of the classes (refund, other).',
    );
  });

  it('says how to write some if there are none yet, and keeps the real ones for the writer', async () => {
    const path = await save(
      'real-3.jsonl',
      unlike('real', 30).map(text => ({text})),
    );
    const missing = textDataset({path, classes, written: join(folder, 'none.jsonl')});
    await expect(missing).rejects.toThrow('`limbeck write RECIPE --count 1000');
    await expect(missing).rejects.toMatchObject({isUnwritten: true, real: {classes}});
    await expect(textDataset({classes, written: 'none.jsonl'})).rejects.toMatchObject({
      isUnwritten: true,
      real: undefined,
    });
  });
});
