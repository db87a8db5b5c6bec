import {execFile} from 'node:child_process';
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {promisify} from 'node:util';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {describe, expect, it} from 'vitest';
import {rawTensor} from '../../src/data/batch.ts';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {nativeBackend} from '../../src/engine/compiled/binding.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {outputsOf} from '../../src/student/forward.ts';
import {inferenceOf} from '../../src/student/inference.ts';
import {lenet} from '../../src/student/lenet.ts';
import {makeStudent, studentFor} from '../../src/student/make-student.ts';
import {mlp} from '../../src/student/mlp.ts';
import {preprocess} from '../../src/student/preprocessing.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import type {Student} from '../../src/student/student.ts';
import {needsNativeEngine} from '../engine/native-only.ts';
import {imageTask, smallStudent, tenClasses} from './examples.ts';

needsNativeEngine();

const sessions = (): number => nativeBackend()!.binding.getNumOfSavedModels();
const plain = {compile: false} as const;

/** Raw values from 0 to 255, others at each place. */
function raw(count: number, shape: readonly number[]): TensorInputs {
  const data = tf.randomUniform([count, ...shape], 0, 255, 'float32', 7).dataSync<'float32'>();
  return {kind: 'tensor', dtype: 'float32', shape, count, data};
}

/** Weights that are not those of a fresh student: batch norm does something, and biases are not zero. */
function disturbed(student: Student): Student {
  for (const weight of student.model.weights) {
    const value = weight.read();
    weight.write(tf.add(value, tf.randomUniform(value.shape, 0, 0.2, 'float32', 3)));
  }
  return student;
}

/** The greatest difference, as a share of the greatest value. */
function difference(some: Float32Array, others: Float32Array): number {
  expect(some).toHaveLength(others.length);
  const greatest = Math.max(...others.map(Math.abs));
  return Math.max(...some.map((value, place) => Math.abs(value - others[place]!))) / greatest;
}

/** A student of one's own layer. */
function studentThrough(call: (input: tf.Tensor) => tf.Tensor): Student {
  class OwnLayer extends layers.layers.Layer {
    static className = 'OwnLayer';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      return call([inputs].flat()[0]!);
    }
  }
  const input = layers.input({shape: [3]});
  const own = new OwnLayer({}).apply(input) as layers.SymbolicTensor;
  const output = layers.layers.dense({units: 10, name: 'logits'}).apply(own) as layers.SymbolicTensor;
  return studentFor({...imageTask([3]), preprocessing: {}}, layers.model({inputs: input, outputs: output}));
}

describe('inference as one graph', () => {
  it.each([
    ['mlp', () => mlp({units: [32, 16]})(imageTask([8, 8, 1]), 1)],
    ['lenet', () => lenet({filters: [4, 6], units: 12})(imageTask([16, 16, 1]), 1)],
    ['a student that gives probabilities', () => probabilities()],
    ['a student that drops out in training', () => dropping()],
  ])('gives the numbers of the plain pass to the bit, of batches of any size: %s', (_, build) => {
    const student = disturbed(build());
    const shape = student.model.inputs[0]!.shape.slice(1) as number[];
    const before = sessions();
    for (const count of [1, 33, 2, 7]) {
      const batch = raw(count, shape);
      expect(inferenceOf(student, [])(batch)).toEqual(inferenceOf(student, [], plain)(batch));
    }
    expect(sessions()).toBe(before + 1);
  });

  it.each(['A', 'B'] as const)(
    'of a resnet with shortcut %s gives them but for the rounding of convolution and batch norm as one operation',
    shortcut => {
      const student = disturbed(resnetCifar({depth: 20, shortcut})({...imageTask([8, 8, 3])}, 1));
      for (const count of [1, 5]) {
        const batch = raw(count, [8, 8, 3]);
        const compiled = inferenceOf(student, [])(batch);
        expect(difference(compiled, inferenceOf(student, [], plain)(batch))).toBeLessThan(1e-6);
      }
    },
  );

  it('gives the named layers after the logits, in the order asked for', () => {
    const student = lenet({filters: [2, 3], units: 4})(imageTask([16, 16, 1]), 1);
    const names = ['dense_1', 'conv_2', 'pool_1'];
    const batch = raw(3, [16, 16, 1]);
    const {logits, features} = outputsOf(student, names)(preprocess(rawTensor(batch), student.preprocessing), {
      training: false,
    });
    const rows = [logits, ...names.map(name => features[name]!)].map(value => tf.unstack(value));
    const expected = [0, 1, 2].flatMap(row => rows.flatMap(parts => [...parts[row]!.dataSync()]));
    expect(expected).toHaveLength(3 * (10 + 4 + 2 * 2 * 3 + 6 * 6 * 2));
    expect([...inferenceOf(student, names)(batch)]).toEqual(expected);
    expect([...inferenceOf(student, names, plain)(batch)]).toEqual(expected);
  });

  it('gives the same bits in processes of their own', async () => {
    const child = ['--import', 'tsx', join(import.meta.dirname, 'inference-child.ts')];
    const run = async (): Promise<string> => (await promisify(execFile)(process.execPath, child)).stdout;
    const [first, second] = await Promise.all([run(), run()]);
    expect(JSON.parse(first)).toHaveLength(210);
    expect(second).toBe(first);
  });

  it('sees every change of the weights', () => {
    const student = probabilities();
    const infer = inferenceOf(student, []);
    const batch = raw(2, [3]);
    const seen = new Set<string>();
    const check = (): void => {
      const values = infer(batch);
      expect(values).toEqual(inferenceOf(student, [], plain)(batch));
      seen.add(values.join());
    };
    check();
    const [kernel, bias] = student.model.weights.map(weight => weight.read() as tf.Variable) as [
      tf.Variable,
      tf.Variable,
    ];
    bias.assign(tf.ones([10]));
    check();
    student.model.setWeights([tf.fill([3, 10], 0.5), tf.range(0, 10)]);
    check();
    tf.train.sgd(0.1).minimize(() => tf.sum(tf.square(kernel)) as tf.Scalar, false, [kernel]);
    check();
    const kept = tf.clone(bias);
    bias.assign(tf.zeros([10]));
    check();
    bias.assign(kept as tf.Tensor1D);
    infer(batch);
    expect(infer(batch)).toEqual(inferenceOf(student, [], plain)(batch));
    expect(seen.size).toBe(5);
  });

  it('compiles a student once, and inputs of another shape into the same graph', () => {
    const model = layers.sequential({name: 'any_size'});
    model.add(layers.layers.globalAveragePooling2d({name: 'pool', inputShape: [null, null, 10]}));
    const student = makeStudent({model, classes: tenClasses, preprocessing: {}, output: 'logits'});
    const before = sessions();
    for (const side of [2, 3, 2]) {
      const batch = raw(2, [side, side, 10]);
      expect(inferenceOf(student, [])(batch)).toEqual(inferenceOf(student, [], plain)(batch));
    }
    expect(sessions()).toBe(before + 1);
  });

  it('compiles nothing when told so', () => {
    const before = sessions();
    inferenceOf(smallStudent(), [], plain)(raw(2, [4, 4, 1]));
    expect(sessions()).toBe(before);
  });

  it('refuses a student that is disposed', () => {
    const student = smallStudent();
    const infer = inferenceOf(student, []);
    infer(raw(2, [4, 4, 1]));
    student.model.dispose();
    expect(() => infer(raw(2, [4, 4, 1]))).toThrow('disposed');
  });

  it('is freed with its student', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const before = sessions();
    for (let seed = 1; seed <= 3; seed++) inferenceOf(smallStudent(seed), ['dense_1'])(raw(2, [4, 4, 1]));
    expect(sessions()).toBe(before + 3);
    const deadline = Date.now() + 10_000;
    while (sessions() > before && Date.now() < deadline) {
      await setImmediate();
      collect();
    }
    expect(sessions()).toBeLessThanOrEqual(before);
  });

  it.each<[string, (input: tf.Tensor) => tf.Tensor, string]>([
    ['a layer reads its input', input => tf.mul(input, input.dataSync()[0]!), 'its JavaScript reads an input'],
    [
      'a layer draws random numbers',
      input => tf.add(input, tf.mul(tf.randomUniform([3]), 0)),
      '`Mul` takes a constant that is another each time: a random number made in JavaScript, perhaps',
    ],
    [
      'a layer counts the inputs',
      input => tf.div(input, input.shape[0]!),
      '`RealDiv` takes a constant that is another each time: it depends on the number of rows',
    ],
  ])('falls back and says so once, where %s', (_, call, reason) => {
    const student = studentThrough(call);
    const reasons: string[] = [];
    const infer = inferenceOf(student, [], {onFallback: said => reasons.push(said)});
    for (const count of [4, 1]) {
      const batch = raw(count, [3]);
      expect(infer(batch)).toEqual(inferenceOf(student, [], plain)(batch));
    }
    expect(reasons).toEqual([reason]);
    inferenceOf(student, [], {onFallback: said => reasons.push(said)})(raw(4, [3]));
    expect(reasons).toEqual([reason, reason]);
  });
});

function probabilities(): Student {
  const model = layers.sequential({name: 'probabilities'});
  model.add(layers.layers.dense({units: 10, activation: 'softmax', inputShape: [3]}));
  return makeStudent({model, classes: tenClasses, preprocessing: {}, output: 'probabilities'});
}

function dropping(): Student {
  const model = layers.sequential({name: 'dropping'});
  model.add(layers.layers.dropout({rate: 0.5, inputShape: [6, 2]}));
  model.add(layers.layers.conv1d({filters: 3, kernelSize: 2}));
  model.add(layers.layers.batchNormalization({}));
  model.add(layers.layers.flatten({}));
  model.add(layers.layers.dense({units: 10}));
  return makeStudent({model, classes: tenClasses, preprocessing: {}, output: 'logits'});
}
