import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {withDropoutSeed} from '../../src/engine/layers.ts';
import {layers, tf} from '../../src/engine/tf.ts';

beforeAll(startEngine);

type Layer = layers.layers.Layer;

/** The outputs of layers in training for inputs of ones, one after another, from one seed. */
function dropped(seed: number, shape: number[], ...steps: Layer[]): number[][] {
  return tf.tidy(() =>
    withDropoutSeed(tf.scalar(seed, 'int32'), () =>
      steps.map(step => [...(step.apply(tf.ones(shape), {training: true}) as tf.Tensor).dataSync()]),
    ),
  );
}

const dropout = (rate: number): Layer => layers.layers.dropout({rate});

describe('withDropoutSeed', () => {
  it('drops a share of the values, and scales the rest so that their mean stays', () => {
    const [values] = dropped(1, [100, 100], dropout(0.2));
    const zeros = values!.filter(value => value === 0).length;
    expect(zeros / 1e4).toBeCloseTo(0.2, 1);
    for (const value of values!) expect([0, Math.fround(1.25)]).toContain(value);
  });

  it('gives the same masks for the same seed, and others for another seed, layer and position', () => {
    const [one, two] = [dropout(0.5), dropout(0.5)];
    const masks = dropped(7, [4, 16], one, two);
    expect(dropped(7, [4, 16], one, two)).toEqual(masks);
    expect(masks[0]).not.toEqual(masks[1]);
    for (const seed of [0, 8, -7]) {
      expect(dropped(seed, [4, 16], one)[0]).not.toEqual(masks[0]);
      expect(dropped(seed, [4, 16], one)).toEqual(dropped(seed, [4, 16], one));
    }
  });

  it('drops whole channels if a layer asks for it', () => {
    const [values] = dropped(3, [1, 5, 20], layers.layers.spatialDropout1d({rate: 0.5}));
    for (let channel = 0; channel < 20; channel++) {
      expect(new Set([0, 1, 2, 3, 4].map(index => values![index * 20 + channel])).size).toBe(1);
    }
    expect(new Set(values)).toEqual(new Set([0, 2]));
  });

  it('sends the gradient where values were kept', () => {
    const layer = dropout(0.5);
    const {x, gradient} = tf.tidy(() => {
      const input = tf.ones([50]);
      const run = (x: tf.Tensor) =>
        withDropoutSeed(tf.scalar(5, 'int32'), () => layer.apply(x, {training: true}) as tf.Tensor);
      return {x: [...run(input).dataSync()], gradient: [...tf.grad(run)(input).dataSync()]};
    });
    expect(gradient).toEqual(x);
    expect(new Set(x)).toEqual(new Set([0, 2]));
  });

  it('leaves layers alone in inference, with a rate of 0, and outside of it', () => {
    const input = tf.ones([100]);
    const inference = tf.tidy(() =>
      withDropoutSeed(tf.scalar(1, 'int32'), () => (dropout(0.5).apply(input) as tf.Tensor).dataSync()),
    );
    expect(new Set(inference)).toEqual(new Set([1]));
    expect(new Set(dropped(1, [100], dropout(0))[0])).toEqual(new Set([1]));
    const outside = () => tf.tidy(() => [...(dropout(0.5).apply(input, {training: true}) as tf.Tensor).dataSync()]);
    expect(outside()).not.toEqual(outside());
  });
});
