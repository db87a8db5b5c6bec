import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {featureHint, hintLoss} from '../../src/losses/feature-hint.ts';
import {expectGradientByDifferences, golden, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const identity = (size: number) => tf.eye(size) as tf.Tensor2D;
const noBias = (size: number) => tf.zeros([size]) as tf.Tensor1D;
const labels = () => tf.tensor1d([0], 'int32');
const logits = () => tf.tensor2d([[0, 0]]);

describe('the loss of a hint', () => {
  it('is the published mean squared error where the projection is the identity', () => {
    // The published maps put channels first.
    const channelsLast = (values: number[]) => tf.transpose(tf.tensor4d(values, [1, 2, 2, 2]), [0, 2, 3, 1]);
    const student = channelsLast([0, 1, 2, 3, 4, 5, 6, 7]);
    const teacher = channelsLast([1, 0, 2, 1, 0, 3, 1, 1]);
    expect(numberOf(hintLoss(teacher, student, identity(2), noBias(2)))).toBeCloseTo(golden.values['Hint MSE']!, 5);
  });

  it('projects vectors by a dense layer', () => {
    // [1, 2] · W + b = [1 + 4 + 1, 2 + 6 - 1, 0 + 8] = [6, 7, 8]
    const weights = tf.tensor2d([
      [1, 2, 0],
      [2, 3, 4],
    ]);
    const loss = hintLoss(tf.tensor2d([[6, 7, 11]]), tf.tensor2d([[1, 2]]), weights, tf.tensor1d([1, -1, 0]));
    expect(numberOf(loss)).toBeCloseTo(9 / 3, 6);
  });

  it('projects maps by a 1x1 convolution', () => {
    const student = tf.tensor4d(
      Array.from({length: 12}, (_, index) => Math.sin(index)),
      [1, 2, 2, 3],
    );
    const weights = tf.tensor2d([0.5, -1, 0.2, 0.3, 0.7, -0.4], [3, 2]);
    const teacher = tf.conv2d(student, tf.reshape(weights, [1, 1, 3, 2]) as tf.Tensor4D, 1, 'valid');
    expect(numberOf(hintLoss(teacher, student, weights, noBias(2)))).toBeCloseTo(0, 6);
  });

  it('has the gradients that differences show: by student, weights and bias', () => {
    const values = (count: number) => Array.from({length: count}, (_, index) => Math.cos(3 * index));
    const teacher = tf.tensor4d(values(16), [2, 2, 2, 2]);
    const student = tf.tensor4d(values(24), [2, 2, 2, 3]);
    const weights = tf.tensor2d(values(6), [3, 2]);
    const bias = tf.tensor1d([0.3, -0.2]);
    expectGradientByDifferences(x => hintLoss(teacher, x, weights, bias), student);
    expectGradientByDifferences(x => hintLoss(teacher, student, x as tf.Tensor2D, bias), weights);
    expectGradientByDifferences(x => hintLoss(teacher, student, weights, x as tf.Tensor1D), bias);
  });
});

describe('the term of a hint', () => {
  const term = featureHint({teacher: 'fc1', student: 'hidden'});
  const vectors = {teacher: {fc1: [8]}, student: {hidden: [3]}};

  it('needs the logits and that feature of the teacher, and weighs 50', () => {
    expect(term).toMatchObject({
      name: 'feature-hint (fc1 to hidden)',
      weight: 50,
      needs: {kind: 'logits', features: ['fc1']},
      studentFeatures: ['hidden'],
    });
  });

  it('makes the same projection of the same seed, and another of another', () => {
    const weightsOf = (seed: number) => Array.from(term.prepare(vectors, seed).variables[0]!.dataSync());
    expect(weightsOf(1)).toEqual(weightsOf(1));
    expect(weightsOf(1)).not.toEqual(weightsOf(2));
  });

  it('learns a projection that carries the student to the teacher', () => {
    const {variables, value} = term.prepare(vectors, 7);
    const student = tf.randomNormal([64, 3], 0, 1, 'float32', 1);
    const teacher = tf.add(tf.matMul(student as tf.Tensor2D, tf.randomNormal([3, 8], 0, 1, 'float32', 2)), 0.5);
    const loss = () =>
      value({labels: labels(), features: {fc1: teacher}}, {logits: logits(), features: {hidden: student}});
    const first = numberOf(loss());
    for (let step = 0; step < 300; step++) {
      tf.tidy(() => {
        const {grads} = tf.variableGrads(loss, [...variables]);
        for (const variable of variables) variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, 1)));
      });
    }
    expect(numberOf(loss())).toBeLessThan(1e-4 * first);
  });

  it('leaves nothing behind but its variables and values', () => {
    const before = tf.memory().numTensors;
    const {variables, value} = term.prepare(vectors, 1);
    expect(tf.memory().numTensors).toBe(before + 2);
    tf.tidy(() => {
      const [teacher, student] = [tf.ones([1, 8]), tf.ones([1, 3])];
      value({labels: labels(), features: {fc1: teacher}}, {logits: logits(), features: {hidden: student}});
    });
    tf.dispose([...variables]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('takes maps of the same height and width', () => {
    const {variables} = term.prepare({teacher: {fc1: [7, 7, 32]}, student: {hidden: [7, 7, 16]}}, 1);
    expect(variables.map(variable => variable.shape)).toEqual([[16, 32], [32]]);
  });

  it.each([
    [
      [7, 7, 32],
      [10, 10, 16],
    ],
    [[7, 7, 32], [16]],
    [[128], [2, 64]],
  ])('refuses a teacher of %j and a student of %j, naming the layers and what to do', (teacher, student) => {
    const prepare = () => term.prepare({teacher: {fc1: teacher}, student: {hidden: student}}, 1);
    expect(prepare).toThrow(
      `the teacher's layer \`fc1\` [${teacher.join(', ')}] with the student's layer \`hidden\` [${student.join(', ')}]`,
    );
    expect(prepare).toThrow('Choose such layers, for example two that give vectors.');
  });

  it('pools the greater of two maps to the size of the smaller, and then projects', () => {
    const [small, large] = [
      tf.randomNormal([2, 2, 3, 4], 0, 1, 'float32', 1),
      tf.randomNormal([2, 4, 6, 2], 0, 1, 'float32', 2),
    ];
    const pooled = tf.avgPool(large as tf.Tensor4D, 2, 2, 'valid');
    for (const [teacher, student, [pooledTeacher, pooledStudent]] of [
      [small, large, [small, pooled]],
      [large, small, [pooled, small]],
    ] as const) {
      const shapesOf = (teacher: tf.Tensor, student: tf.Tensor) => ({
        teacher: {fc1: teacher.shape.slice(1)},
        student: {hidden: student.shape.slice(1)},
      });
      const hinted = (teacher: tf.Tensor, student: tf.Tensor) =>
        numberOf(
          term
            .prepare(shapesOf(teacher, student), 5)
            .value({labels: labels(), features: {fc1: teacher}}, {logits: logits(), features: {hidden: student}}),
        );
      expect(hinted(teacher, student)).toBeCloseTo(hinted(pooledTeacher, pooledStudent), 5);
    }
  });

  it('without a projection compares the values themselves, and has no variables', () => {
    const plain = featureHint({teacher: 'fc1', student: 'hidden', projection: 'none'});
    const {variables, value} = plain.prepare({teacher: {fc1: [2]}, student: {hidden: [2]}}, 1);
    expect(variables).toEqual([]);
    const [teacher, student] = [tf.tensor2d([[1, 2]]), tf.tensor2d([[3, 5]])];
    const found = value({labels: labels(), features: {fc1: teacher}}, {logits: logits(), features: {hidden: student}});
    expect(numberOf(found)).toBeCloseTo((4 + 9) / 2, 6);
    expect(() => plain.prepare(vectors, 1)).toThrow("[8] with the student's layer `hidden` [3]");
    expect(() => plain.prepare(vectors, 1)).toThrow("Use `projection: 'linear'`.");
  });

  it('refuses a layer that is not there and names those that are', () => {
    expect(() => term.prepare({teacher: {conv: [8], fc2: [4]}, student: {}}, 1)).toThrow(
      'The teacher shows no layer `fc1` to feature-hint; it shows conv, fc2. Name one of these.',
    );
  });
});
