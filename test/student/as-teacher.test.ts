import {beforeAll, describe, expect, it} from 'vitest';
import {inputAt} from '../../src/data/inputs.ts';
import {engineMemory, startEngine} from '../../src/engine/engine.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {TeacherError} from '../../src/errors.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {outputsOf} from '../../src/student/forward.ts';
import {lenet} from '../../src/student/lenet.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {preprocess} from '../../src/student/preprocessing.ts';
import type {LogitsAnswer, Outcome, Query} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {images, imageTask, smallStudent, tenClasses} from './examples.ts';

beforeAll(startEngine);

const inputs = images(5, [4, 4, 1]);
const queries: readonly Query[] = Array.from({length: 5}, (_, index) => ({input: inputAt(inputs, index)}));

function answersIn(outcomes: readonly Outcome<'white-box'>[]): LogitsAnswer[] {
  return outcomes.map(outcome => {
    if ('error' in outcome) throw outcome.error;
    return outcome.answer;
  });
}

describe('asTeacher', () => {
  testTeacher({
    it,
    teacher: () => asTeacher(smallStudent()),
    queries,
    badQuery: {input: {kind: 'text', text: 'hello'}},
  });

  it('answers with the logits of the student', async () => {
    const student = smallStudent();
    const answers = answersIn(await asTeacher(student).ask(queries));
    const expected = await predictLogits(student, inputs);
    expect(answers.flatMap(({logits}) => [...logits])).toEqual([...expected]);
    expect(answers[0]!.features).toEqual({});
  });

  it('offers every layer, and answers with those that a query asks for and no others', async () => {
    const student = lenet({filters: [2, 3], units: 4})(imageTask([16, 16, 1]), 1);
    const pictures = images(2, [16, 16, 1]);
    const asked = [0, 1].map(index => ({input: inputAt(pictures, index)}));
    const teacher = asTeacher(student);
    expect(teacher.detail).toEqual({
      kind: 'logits',
      features: ['conv_1', 'pool_1', 'conv_2', 'pool_2', 'flatten', 'dense_1', 'logits'],
    });
    const [first] = answersIn(await teacher.ask(asked));
    expect(first!.features).toEqual({});
    const detail = {kind: 'logits', features: ['conv_1', 'dense_1']} as const;
    const [, second] = answersIn(await teacher.ask(asked, {detail}));
    expect(Object.keys(second!.features)).toEqual(['conv_1', 'dense_1']);
    expect(second!.features['conv_1']!.shape).toEqual([12, 12, 2]);
    const values = tf.tensor(Float32Array.from(pictures.data), [2, 16, 16, 1]);
    const {features} = outputsOf(student, ['conv_1'])(preprocess(values, student.preprocessing), {training: false});
    expect(second!.features['conv_1']!.values).toEqual(features['conv_1']!.dataSync().slice(12 * 12 * 2));
    expect(answersIn(await teacher.ask(asked, {detail: {kind: 'label'}}))[0]!.features).toEqual({});
  });

  it('answers with the right layer whatever the names and the order asked for', async () => {
    const model = layers.sequential({name: 'numbered'});
    model.add(layers.layers.dense({name: '10', units: 3, inputShape: [2]}));
    model.add(layers.layers.dense({name: '2', units: 5}));
    model.add(layers.layers.dense({name: 'logits', units: 10}));
    const teacher = asTeacher(makeStudent({model, classes: tenClasses, preprocessing: {}, output: 'logits'}));
    const input = {kind: 'tensor', dtype: 'float32', shape: [2], data: Float32Array.of(1, -2)} as const;
    const ask = async (...features: string[]) =>
      answersIn(await teacher.ask([{input}], {detail: {kind: 'logits', features}}))[0]!.features;
    const both = await ask('10', '2');
    expect(both).toEqual({...(await ask('2')), ...(await ask('10'))});
    expect([both['10']!.values.length, both['2']!.values.length]).toEqual([3, 5]);
  });

  it('answers the same compiled and not, on any engine, however many are asked at once', async () => {
    const student = lenet({filters: [2, 3], units: 4})(imageTask([16, 16, 1]), 1);
    const pictures = images(5, [16, 16, 1]);
    const detail = {kind: 'logits', features: ['pool_2', 'conv_1']} as const;
    const reasons: string[] = [];
    const onFallback = (reason: string) => reasons.push(reason);
    const [compiled, plain] = [asTeacher(student, {onFallback}), asTeacher(student, {compile: false})];
    for (const count of [1, 5, 2]) {
      const asked = Array.from({length: count}, (_, index) => ({input: inputAt(pictures, index)}));
      expect(await compiled.ask(asked, {detail})).toEqual(await plain.ask(asked, {detail}));
    }
    expect(reasons).toEqual([]);
  });

  it('leaves no tensor behind', async () => {
    const teacher = asTeacher(smallStudent());
    await teacher.ask(queries);
    const {tensors} = engineMemory();
    await teacher.ask(queries);
    expect(engineMemory().tensors).toBe(tensors);
  });

  it('answers in arrays of their own', async () => {
    const detail = {kind: 'logits', features: ['dense_1']} as const;
    const [first, second] = answersIn(await asTeacher(smallStudent()).ask(queries, {detail}));
    expect(first!.logits.buffer).not.toBe(second!.logits.buffer);
    expect(first!.logits.buffer.byteLength).toBe(40);
    expect(first!.features['dense_1']!.values.buffer.byteLength).toBe(32);
  });

  it('says of each query alone what is wrong with it', async () => {
    const bad: Query[] = [
      {input: {kind: 'tensor', dtype: 'uint8', shape: [2, 2, 1], data: new Uint8Array(4)}},
      {input: {kind: 'tensor', dtype: 'float32', shape: [4, 4, 1], data: new Float32Array(16)}},
      {input: {kind: 'tensor', dtype: 'uint8', shape: [4, 4, 1], data: new Uint8Array(15)}},
      {input: {kind: 'text', text: 'hello'}},
    ];
    const outcomes = await asTeacher(smallStudent()).ask([...bad, queries[0]!]);
    const problems = outcomes.map(outcome => ('error' in outcome ? outcome.error.message : 'none'));
    expect(problems).toEqual([
      'Teacher tfjs mlp: Student mlp takes inputs of shape [4, 4, 1], got [2, 2, 1].',
      'Teacher tfjs mlp: Student mlp takes raw uint8 inputs, got float32. Its preprocessing is for uint8 values.',
      'Teacher tfjs mlp: An input of shape [4, 4, 1] holds 16 values, got 15.',
      'Teacher tfjs mlp: Student mlp takes numbers, got a text.',
      'none',
    ]);
    expect('error' in outcomes[0]! && outcomes[0].error).toBeInstanceOf(TeacherError);
  });

  it('answers inputs of several shapes where the model takes them', async () => {
    const model = layers.sequential({name: 'any_size'});
    model.add(layers.layers.globalAveragePooling2d({name: 'pool', inputShape: [null, null, 10]}));
    const teacher = asTeacher(makeStudent({model, classes: tenClasses, preprocessing: {}, output: 'logits'}));
    const picture = (side: number): Query => {
      const data = Float32Array.from({length: side * side * 10}, (_, place) => place % 10);
      return {input: {kind: 'tensor', dtype: 'float32', shape: [side, side, 10], data}};
    };
    const answers = answersIn(await teacher.ask([picture(2), picture(3), picture(2)]));
    for (const {logits} of answers) {
      for (const [place, value] of logits.entries()) expect(value).toBeCloseTo(place, 5);
    }
  });

  it('has another identity with other weights, another preprocessing or another architecture', () => {
    const identities = [
      asTeacher(smallStudent(1)),
      asTeacher(smallStudent(2)),
      asTeacher({...smallStudent(1), preprocessing: {scale: 1 / 255}}),
    ].map(({identity}) => JSON.stringify(identity));
    expect(new Set(identities).size).toBe(3);
    expect(asTeacher(smallStudent(1)).identity).toEqual(asTeacher(smallStudent(1), {name: 'other'}).identity);
    expect(asTeacher({...smallStudent(1), preprocessing: {}}).identity['preprocessing']).toEqual({
      scale: 1,
      mean: 0,
      deviation: 1,
    });
  });

  it('refuses features that the model has no layer for', async () => {
    const asked = asTeacher(smallStudent()).ask(queries, {detail: {kind: 'logits', features: ['dense_9']}});
    await expect(asked).rejects.toThrow('Did you mean `dense_1`?');
  });
});
