import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {tfjs} from '../../adapters/tfjs.ts';
import {inputAt} from '../../src/data/inputs.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {layers} from '../../src/engine/tf.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {saveStudent} from '../../src/student/files.ts';
import type {Question} from '../../src/teacher.ts';
import {images, smallStudent, tenClasses} from '../student/examples.ts';
import {testTeacher} from '../teacher-suite.ts';

const inputs = images(4, [4, 4, 1]);
const questions: readonly Question[] = Array.from({length: inputs.count}, (_, index) => ({
  input: inputAt(inputs, index),
}));
const badQuestion: Question = {input: {kind: 'tensor', dtype: 'uint8', shape: [16], data: new Uint8Array(16)}};

let folder: string;

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
  await saveStudent(join(folder, 'student'), smallStudent());
});
afterAll(() => rm(folder, {recursive: true}));

describe('tfjs with a model on disk', () => {
  testTeacher({
    it,
    teacher: () => tfjs({path: join(folder, 'student'), maxBatch: 3}),
    questions,
    badQuestion,
  });

  it('is the teacher that the student in memory is', async () => {
    const [loaded, local] = [await tfjs({path: join(folder, 'student')}), asTeacher(smallStudent())];
    expect(loaded.identity).toEqual(local.identity);
    expect(await loaded.ask(questions)).toEqual(await local.ask(questions));
  });

  it('takes what is given over what the directory says', async () => {
    const teacher = await tfjs({path: join(folder, 'student'), preprocessing: {scale: 2}, name: 'mine'});
    expect(teacher).toMatchObject({name: 'mine', identity: {preprocessing: {scale: 2, mean: 0, deviation: 1}}});
  });
});

describe('tfjs with a model in memory', () => {
  const make = () => {
    const model = layers.sequential({name: 'given'});
    model.add(layers.layers.flatten({name: 'first', inputShape: [4, 4, 1]}));
    model.add(layers.layers.dense({name: 'last', units: 10, activation: 'softmax', kernelInitializer: 'ones'}));
    return model;
  };

  testTeacher({it, teacher: () => tfjs({model: make(), classes: tenClasses}), questions, badQuestion});

  it('sees by itself that a model gives probabilities', async () => {
    const teacher = await tfjs({model: make(), classes: tenClasses, preprocessing: {scale: 1 / 255}});
    expect(teacher.identity['output']).toBe('probabilities');
    const [outcome] = await teacher.ask(questions);
    const sum = Array.from(inputs.data.subarray(0, 16)).reduce((total, value) => total + value / 255, 0);
    expect(outcome).toMatchObject({answer: {kind: 'logits'}});
    if (outcome && 'answer' in outcome) for (const logit of outcome.answer.logits) expect(logit).toBeCloseTo(sum, 4);
  });

  it('refuses classes that are not as many as the model gives', async () => {
    await expect(tfjs({model: make(), classes: ['yes', 'no']})).rejects.toThrow('but there are 2 classes');
  });
});
