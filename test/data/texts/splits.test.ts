import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {describeTexts} from '../../../src/data/texts/card.ts';
import {findDuplicates} from '../../../src/data/texts/duplicates.ts';
import {readTextSplits, type TextSplit} from '../../../src/data/texts/splits.ts';
import {InputError} from '../../../src/errors.ts';
import {folders} from '../../study/tiny.ts';

const newFolder = folders();
let folder: string;

beforeAll(async () => {
  folder = await newFolder('splits');
});

interface Row {
  readonly text: string;
  readonly label?: string;
}

async function file(name: string, rows: readonly Row[]): Promise<string> {
  const path = join(folder, `${name}.jsonl`);
  await writeFile(path, rows.map(row => JSON.stringify(row)).join('\n'));
  return path;
}

/** Texts without near-duplicates. */
const sentence = (number: number): string =>
  Array.from({length: 12}, (_, position) => ((number + 1) * 7919 * (position + 3)).toString(36)).join(' ');

/** Forty texts of each of two classes, each with a duplicate in capitals and a near-duplicate with a few more words. */
const rows: readonly Row[] = Array.from({length: 80}, (_, number) => {
  const label = number % 2 === 0 ? 'ham' : 'spam';
  const text = sentence(number);
  return [
    {text, label},
    {text: ` ${text.toUpperCase()}\n`, label},
    {text: `${text} !`, label},
  ];
}).flat();

const textsOf = ({inputs}: TextSplit): readonly string[] => inputs.texts;

describe('readTextSplits', () => {
  it('draws the same texts whatever their labels, if it is not to stratify', async () => {
    const opposite = rows.map(({text}, number) => ({text, label: number % 5 === 0 ? 'ham' : 'spam'}));
    const paths = [await file('of one question', rows), await file('of another question', opposite)];
    const [one, other] = await Promise.all(paths.map(path => readTextSplits({path, stratify: false, seed: 1})));
    for (const role of ['train', 'validation', 'test'] as const) {
      expect(textsOf(other![role])).toEqual(textsOf(one![role]));
      expect(other![role].labels).not.toEqual(one![role].labels);
    }
  });

  it('keeps one of all near-duplicates, so that none leaks from one split into another', async () => {
    const {classes, train, validation, test, card} = await readTextSplits({path: await file('all', rows)});
    expect(classes).toEqual(['ham', 'spam']);
    expect([train, validation, test].map(({inputs}) => inputs.count)).toEqual([56, 8, 16]);
    const kept = [train, validation, test].flatMap(textsOf);
    expect((await findDuplicates(kept)).distinct).toHaveLength(80);
    expect(card).toMatchObject({
      read: 240,
      leftOut: {empty: 0, tooLong: 0, duplicates: 80, nearDuplicates: 80},
      kept: 80,
      splits: {train: 56, validation: 8, test: 16},
      labels: {train: {ham: 28, spam: 28}, validation: {ham: 4, spam: 4}, test: {ham: 8, spam: 8}},
      scripts: {Latin: 80},
    });
  });

  it('keeps the label of every text, and draws the same for the same seed', async () => {
    const path = await file('again', rows);
    const [one, same, other] = await Promise.all([1, 1, 2].map(seed => readTextSplits({path, seed})));
    for (const {inputs, labels} of [one!.train, one!.validation, one!.test]) {
      for (const [index, text] of inputs.texts.entries()) {
        expect(one!.classes[labels![index]!]).toBe(rows.find(row => row.text === text)!.label);
      }
    }
    expect(same).toEqual(one);
    expect(textsOf(other!.train)).not.toEqual(textsOf(one!.train));
  });

  it('reads texts without labels', async () => {
    const path = await file(
      'bare',
      rows.map(({text}) => ({text})),
    );
    const {classes, train, test, card} = await readTextSplits({path, classes: ['b', 'a'], test: 10, validation: 5});
    expect(classes).toEqual(['b', 'a']);
    expect(train).toEqual({inputs: {kind: 'text', count: 65, texts: expect.anything()}});
    expect(test.inputs.count).toBe(10);
    expect(card.labels).toEqual({});
    const labelled = await readTextSplits({path: await file('ignored', rows), label: false, classes: ['a']});
    expect(labelled.train).not.toHaveProperty('labels');
  });

  it('removes near-duplicates of test texts from the training split', async () => {
    const train = await file(
      'train',
      rows.map(({text}) => ({text})),
    );
    const test = await file('test', [
      {text: `${sentence(3)} ?`, label: 'spam'},
      {text: sentence(1000), label: 'ham'},
    ]);
    const splits = await readTextSplits({path: {train, test}, validation: 9});
    expect(textsOf(splits.test)).toEqual([`${sentence(3)} ?`, sentence(1000)]);
    expect(splits.test.labels).toEqual(Int32Array.of(1, 0));
    expect(splits.validation).not.toHaveProperty('labels');
    expect([splits.train, splits.validation].map(({inputs}) => inputs.count)).toEqual([70, 9]);
    expect([...textsOf(splits.train), ...textsOf(splits.validation)]).not.toContain(sentence(3));
  });

  it('cuts long texts or leaves them out, counts empty ones, and finds duplicates among the rest', async () => {
    const path = await file('long', [
      ...Array.from({length: 9}, (_, number) => ({text: sentence(number).slice(0, 30)})),
      {text: `${sentence(3).slice(0, 30)}${'and more '.repeat(9)}`},
      {text: ' '},
      {text: 'x'.repeat(60)},
    ]);
    const cut = await readTextSplits({path, classes: ['a'], longest: 30});
    expect(cut.card).toMatchObject({read: 12, leftOut: {empty: 1, tooLong: 0, duplicates: 1}, cut: 1, kept: 10});
    expect(cut.card.characters).toEqual({
      total: 300,
      quantiles: {shortest: 30, '5 %': 30, '25 %': 30, median: 30, '75 %': 30, '95 %': 30, longest: 30},
    });
    const left = await readTextSplits({path, classes: ['a'], longest: 30, overLength: 'leave-out'});
    expect(left.card).toMatchObject({leftOut: {empty: 1, tooLong: 2, duplicates: 0}, cut: 0, kept: 9});
  });

  it('counts duplicates whose label differs from that of the kept text', async () => {
    const path = await file('torn', [...rows.slice(0, 60), {text: rows[0]!.text, label: 'spam'}]);
    expect((await readTextSplits({path})).card.otherLabels).toBe(1);
  });

  it.each([
    [{}, [{text: 'a', label: 'x'}, {text: 'b'}], /1 texts have a label and 1 have none, .* line 2\. .*`label: false`/],
    [{}, [{text: 'a'}], /no labels\. Name their possible `classes`/],
    [{classes: ['y']}, [{text: 'a', label: 'x'}], /line 1: label "x" is none of the classes \(y\)\. Correct it/],
    [{classes: ['y', 'y']}, [{text: 'a'}], /Two of the `classes` have the same name/],
    [{classes: ['y']}, [{text: 'a'}, {text: 'b'}], /Validation takes 1 and the test 1 of 2 texts/],
    [{classes: ['y'], longest: 3}, [{text: 'a'}], /`longest` to be a whole number from 16/],
  ])('refuses %j of %j', async (options, given, said) => {
    const reading = readTextSplits({path: await file('bad', given), ...options});
    await expect(reading).rejects.toThrow(said);
    await expect(reading).rejects.toThrow(InputError);
  });

  it('refuses a size for a split with a file, and a file with no texts left', async () => {
    const train = await file('many', rows);
    await expect(readTextSplits({path: {train, test: train}, test: 5})).rejects.toThrow(/a file is named for them/);
    const test = await file('same', rows.slice(0, 6));
    const splits = readTextSplits({path: {train, validation: test, test}});
    await expect(splits).rejects.toThrow('No texts are left for the validation split');
  });
});

describe('describeTexts', () => {
  it('lists what was read, left out, cut and kept', async () => {
    const path = await file('told', [...rows, {text: rows[0]!.text, label: 'spam'}, {text: '', label: 'ham'}]);
    const {card} = await readTextSplits({path, longest: 40, near: 0.8, seed: 3});
    expect(describeTexts(card).split('\n')).toEqual([
      `Texts               ${path}`,
      'Read                242',
      'Left out            1 empty, 112 duplicates, 49 near-duplicates (80 % alike)',
      'Kept                80: 56 train, 8 validation, 16 test (seed 3)',
      expect.stringMatching(
        /^Characters {10}3,200 in all: shortest 40, .*, longest 40; 80 cut to their head, 40 characters$/,
      ),
      'Scripts             Latin 80 (100.0 %)',
      'Labels, train       ham 28 (50.0 %), spam 28 (50.0 %)',
      'Labels, validation  ham 4 (50.0 %), spam 4 (50.0 %)',
      'Labels, test        ham 8 (50.0 %), spam 8 (50.0 %)',
      'Other labels        1 of the duplicates have another label than the text that is kept',
    ]);
  });
});
