import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import sharp from 'sharp';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {ImageInputs, RecordInputs} from '../../src/data/inputs.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {imageOf} from '../../src/input-kinds.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {predicate} from '../../src/questions.ts';
import {taskOf} from '../../src/recipe/task.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {loadStudent, saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {headOf, withHeads} from '../../src/student/heads.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student} from '../../src/student/student.ts';
import type {LogitsAnswer, Outcome} from '../../src/teacher.ts';
import {train} from '../../src/train/train.ts';

const classes = ['dark', 'light'];
const labels = Int32Array.from({length: 40}, (_, index) => index % 2);
let folder: string;
let images: ImageInputs;

const records: RecordInputs = {
  kind: 'record',
  count: 40,
  records: Array.from(labels, (label, index) => ({
    ...{shade: label ? 200 + index : index, lamp: label ? 'on' : 'off', room: index % 7 === 0 ? null : index},
  })),
};

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-readings-'));
  const files = Array.from(labels, (label, index) => {
    const background = label ? `rgb(2${20 + (index % 30)},240,230)` : `rgb(${index},10,20)`;
    return sharp({create: {width: 100, height: 80, channels: 3, background}})
      .png()
      .toBuffer();
  });
  const bytes = await Promise.all(files);
  images = {kind: 'image', count: 40, images: bytes.map(file => imageOf(file, 'It'))};
});
afterAll(() => rm(folder, {recursive: true}));

const split = <I extends ImageInputs | RecordInputs>(inputs: I) => ({role: 'train' as const, inputs, labels});
const dataOf = (inputs: ImageInputs | RecordInputs) => ({
  ...{classes, train: split(inputs)},
  test: {role: 'test' as const, inputs},
});

async function trained(
  inputs: ImageInputs | RecordInputs,
  options: Parameters<typeof taskOf>[1] = {},
): Promise<Student> {
  const student = mlp({units: [8]})(await taskOf(dataOf(inputs), options), 1);
  for await (const _ of train(student, trueLabels(split(inputs), classes), {
    losses: [hardLabels()],
    seed: 1,
    steps: 60,
  }));
  return student;
}

describe.each(['images', 'records'] as const)('a student of %s', kind => {
  const inputs = () => (kind === 'images' ? images : records);

  it('learns, and gives the same logits when it is saved and loaded again', async () => {
    const student = await trained(inputs());
    const logits = await predictLogits(student, inputs());
    const said = Array.from(labels, (_, row) => Number(logits[2 * row + 1]! > logits[2 * row]!));
    expect(said).toEqual([...labels]);
    const path = join(folder, kind);
    await saveStudent(path, student);
    const loaded = await loadStudent(path);
    expect(loaded.reading).toEqual(student.reading);
    expect(await predictLogits(loaded, inputs())).toEqual(logits);
  });

  it('refuses inputs of another kind, and only those', async () => {
    const student = await trained(inputs());
    const other = kind === 'images' ? records : images;
    await expect(predictLogits(student, other)).rejects.toThrow(`reads ${kind}, but the inputs are`);
    const text = {kind: 'text', text: 'on'} as const;
    const good =
      kind === 'images'
        ? ({kind: 'image', ...images.images[0]!} as const)
        : ({kind: 'record', fields: records.records[0]!} as const);
    const outcomes = await asTeacher(student).ask([{input: text}, {input: good}]);
    expect(outcomes[0]).toMatchObject({error: {message: expect.stringContaining(`reads ${kind}, got a text`)}});
    expect(outcomes[1]).toHaveProperty('answer');
  });
});

function firstLogit(outcome: Outcome | undefined): number {
  if (outcome === undefined || !('answer' in outcome)) throw new Error('There is no answer.');
  return (outcome.answer as LogitsAnswer).logits[0]!;
}

describe('asTeacher', () => {
  it('fails an image that can not be decoded, or a record that does not fit, alone', async () => {
    const [first, second] = images.images as [(typeof images.images)[0], (typeof images.images)[0]];
    const broken = imageOf(Buffer.from('89504e470d0a1a0a', 'hex'), 'It');
    const teacher = asTeacher(await trained(images));
    const shown = await teacher.ask(
      [first, broken, second].map(image => ({input: {kind: 'image' as const, ...image}})),
    );
    expect(shown.map(one => 'answer' in one)).toEqual([true, false, true]);
    const alone = await teacher.ask([{input: {kind: 'image', ...second}}]);
    expect(firstLogit(shown[2])).toBeCloseTo(firstLogit(alone[0]), 3);
    const reader = asTeacher(await trained(records));
    const fields = [records.records[0]!, {shade: 'pale'}, {colour: 3}];
    const read = await reader.ask(fields.map(one => ({input: {kind: 'record' as const, fields: one}})));
    expect(read.map(one => ('error' in one ? one.error.message : 'answered'))).toEqual([
      'answered',
      expect.stringContaining('field `shade` is "pale"'),
      expect.stringContaining('none of the fields that the student reads'),
    ]);
  });

  it('takes pixels of the right size for images', async () => {
    const student = await trained(images, {images: {height: 4, width: 4, channels: 1}});
    const pixels = {kind: 'tensor', dtype: 'uint8', shape: [4, 4, 1], data: new Uint8Array(16).fill(230)} as const;
    const [outcome] = await asTeacher(student).ask([{input: pixels}]);
    expect(outcome).toHaveProperty('answer');
  });
});

describe('withHeads', () => {
  it('keeps how images are read in each head', async () => {
    const questions = [predicate('light', 'Is it light?'), predicate('red', 'Is it red?')];
    const student = withHeads(mlp({units: [2]}), questions)(await taskOf(dataOf(images)), 1);
    const head = headOf(student, 'red');
    expect(head.reading).toEqual({kind: 'image', height: 32, width: 32, channels: 3});
    expect(await predictLogits(head, images)).toHaveLength(2 * images.count);
    const input = {kind: 'image', ...images.images[0]!} as const;
    const outcomes = await asTeacher(student).ask(questions.map(question => ({input, question})));
    expect(outcomes.map(one => 'answer' in one)).toEqual([true, true]);
  });
});

describe('taskOf', () => {
  it('standardises the channels of images', async () => {
    const {preprocessing, inputShape} = await taskOf(dataOf(images), {preprocessing: 'standardise'});
    expect(inputShape).toEqual([32, 32, 3]);
    const {mean, deviation} = preprocessing as {readonly mean: number[]; readonly deviation: number[]};
    expect([mean.length, deviation.length]).toEqual([3, 3]);
    expect(mean[1]).toBeCloseTo(125, 0);
  });

  it('refuses options of another kind, and a student of texts', async () => {
    await expect(taskOf(dataOf(images), {records: {buckets: 9}})).rejects.toThrow(
      '`records` says how records are read',
    );
    await expect(taskOf(dataOf(records), {images: {height: 9}})).rejects.toThrow('`images` says how images are read');
    const task = await taskOf(dataOf(records));
    expect(() => hashedNgrams()(task, 1)).toThrow('reads texts, but the inputs are records');
  });
});
