import {beforeAll, describe, expect, it} from 'vitest';
import {engineMemory, startEngine} from '../../src/engine/engine.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {featureShapes, outputsOf} from '../../src/student/forward.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import type {Student} from '../../src/student/student.ts';
import {smallStudent} from './examples.ts';

beforeAll(startEngine);

const classes = ['a', 'b', 'c'];

/** A model of one dense layer that maps [x, y] to [100 x, 100 y, x + y + 1], and what follows it. */
function probabilities(
  last: Partial<Parameters<typeof layers.layers.dense>[0]>,
  ...rest: layers.layers.Layer[]
): Student {
  const model = layers.sequential({name: 'example'});
  model.add(layers.layers.dense({name: 'scores', units: 3, inputShape: [2], ...last}));
  for (const layer of rest) model.add(layer);
  const bias = last.useBias === false ? [] : [tf.tensor1d([0, 0, 1])];
  model.getLayer('scores').setWeights([tf.tensor2d([100, 0, 1, 0, 100, 1], [2, 3]), ...bias]);
  return makeStudent({model, classes, preprocessing: {}, output: 'probabilities'});
}

const input = () => tf.tensor2d([1, 2, 3, -1], [2, 2]);

describe('outputsOf', () => {
  it('gives the logits and the named activations of the model itself', () => {
    const student = smallStudent();
    const batch = tf.randomNormal([3, 4, 4, 1], 0, 1, 'float32', 1);
    const {logits, features} = outputsOf(student, ['dense_1', 'logits'])(batch, {training: false});
    const expected = student.model.predict(batch) as tf.Tensor;
    expect(logits.dataSync()).toEqual(expected.dataSync());
    expect(features['logits']!.dataSync()).toEqual(expected.dataSync());
    const hidden = features['dense_1']!;
    expect(hidden.shape).toEqual([3, 8]);
    const byHand = student.model.getLayer('logits').apply(hidden) as tf.Tensor;
    expect(byHand.dataSync()).toEqual(expected.dataSync());
  });

  it('shows later changes of the weights', () => {
    const student = smallStudent();
    const forward = outputsOf(student, []);
    const batch = tf.ones([1, 4, 4, 1]);
    const before = forward(batch, {training: false}).logits.dataSync();
    const bias = student.model.getLayer('logits').weights[1]!;
    bias.write(tf.ones([10]));
    const after = forward(batch, {training: false}).logits.dataSync();
    for (const [place, value] of after.entries()) expect(value).toBeCloseTo(before[place]! + 1, 5);
  });

  it('leaves no tensor but those it returns', () => {
    const forward = outputsOf(smallStudent(), ['dense_1']);
    const batch = tf.ones([2, 4, 4, 1]);
    const {tensors} = engineMemory();
    const {logits, features} = forward(batch, {training: false});
    expect(engineMemory().tensors).toBe(tensors + 2);
    tf.dispose([logits, features['dense_1']!]);
    expect(engineMemory().tensors).toBe(tensors);
  });

  it('makes no weight of its own', () => {
    const student = smallStudent();
    const {tensors} = engineMemory();
    outputsOf(student, ['dense_1']);
    expect(engineMemory().tensors).toBe(tensors);
  });

  it('tells layers that drop values whether this is training', () => {
    const model = layers.sequential({name: 'dropping'});
    model.add(layers.layers.dropout({name: 'drop', rate: 0.5, inputShape: [100]}));
    model.add(layers.layers.dense({name: 'logits', units: 3}));
    const forward = outputsOf(makeStudent({model, classes, preprocessing: {}, output: 'logits'}), ['drop']);
    const zerosIn = (training: boolean) =>
      forward(tf.ones([1, 100]), {training})
        .features['drop']!.dataSync()
        .filter(value => value === 0).length;
    expect(zerosIn(false)).toBe(0);
    expect(zerosIn(true)).toBeGreaterThan(20);
  });

  it.each([
    ['the activation of a dense layer', () => probabilities({activation: 'softmax'})],
    ['an activation layer', () => probabilities({}, layers.layers.activation({activation: 'softmax'}))],
    ['a softmax layer', () => probabilities({}, layers.layers.softmax({}))],
  ])('of probabilities takes what goes into the softmax, where that is %s', (_, make) => {
    const {logits} = outputsOf(make(), [])(input(), {training: false});
    expect([...logits.dataSync()]).toEqual([100, 200, 4, 300, -100, 3]);
  });

  it('takes what goes into the softmax of a dense layer without bias', () => {
    const {logits} = outputsOf(probabilities({activation: 'softmax', useBias: false}), [])(input(), {training: false});
    expect([...logits.dataSync()]).toEqual([100, 200, 3, 300, -100, 2]);
  });

  it('of other probabilities takes the logarithm, cut off at 1e-8', () => {
    const student = probabilities({activation: 'softmax'}, layers.layers.reshape({targetShape: [3]}));
    const {logits} = outputsOf(student, [])(input(), {training: false});
    const floor = Math.log(1e-8);
    for (const [place, value] of [floor, 0, floor, 0, floor, floor].entries()) {
      expect(logits.dataSync()[place]).toBeCloseTo(value, 4);
    }
  });

  it('lets gradients through to the weights before a softmax', () => {
    const student = probabilities({activation: 'softmax'});
    const forward = outputsOf(student, []);
    const weights = student.model.trainableWeights.map(weight => weight.read() as tf.Variable);
    const {grads} = tf.variableGrads(() => tf.sum(forward(input(), {training: true}).logits) as tf.Scalar, weights);
    const [kernel, bias] = weights.map(({name}) => [...grads[name]!.dataSync()]);
    expect(kernel).toEqual([4, 4, 4, 1, 1, 1]);
    expect(bias).toEqual([2, 2, 2]);
  });

  it('names the layers there are, and the nearest, when asked for another', () => {
    const ask = () => outputsOf(smallStudent(), ['dense1']);
    expect(ask).toThrow(InputError);
    expect(ask).toThrow(
      'Student mlp has no layer `dense1`. Did you mean `dense_1`? It has: input, flatten, dense_1, logits.',
    );
  });
});

describe('featureShapes', () => {
  it('gives the shapes for one input', () => {
    expect(featureShapes(smallStudent(), ['flatten', 'dense_1'])).toEqual({flatten: [16], dense_1: [8]});
  });

  it('refuses a layer whose shape depends on the input', () => {
    const model = layers.sequential({name: 'any_size'});
    model.add(layers.layers.conv2d({name: 'conv', filters: 2, kernelSize: 1, inputShape: [null, null, 1]}));
    model.add(layers.layers.globalAveragePooling2d({name: 'pool'}));
    model.add(layers.layers.dense({name: 'logits', units: 3}));
    const student = makeStudent({model, classes, preprocessing: {}, output: 'logits'});
    expect(() => featureShapes(student, ['conv'])).toThrow(
      'Layer `conv` of student any_size has no fixed shape: [?, ?, 2].',
    );
  });
});

describe('makeStudent', () => {
  it('refuses a model whose output is not one number a class', () => {
    const {model} = smallStudent();
    const make = () => makeStudent({model, classes, preprocessing: {}, output: 'logits'});
    expect(make).toThrow('Model mlp gives [10] for each input, but there are 3 classes.');
  });

  it('refuses to take the output of a softmax for logits', () => {
    const {model} = probabilities({activation: 'softmax'});
    const make = () => makeStudent({model, classes, preprocessing: {}, output: 'logits'});
    expect(make).toThrow('ends in a softmax');
  });
});
