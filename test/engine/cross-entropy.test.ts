import {beforeAll, describe, expect, it} from 'vitest';
import {crossEntropies} from '../../src/engine/cross-entropy.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {expectClose, noise, on} from './on-backends.ts';

let backend: string;

beforeAll(async () => {
  await startEngine();
  backend = tf.getBackend();
});

const bothOf = (logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor[] => {
  const {losses, slopes} = crossEntropies(logits, targets);
  return [losses, slopes];
};

describe('crossEntropies', () => {
  it.each(['cpu', 'of the engine'])('gives the values of SciPy on the backend %s', async name => {
    const values = await on(name === 'cpu' ? 'cpu' : backend, () =>
      bothOf(tf.tensor2d([1, 2, 3, 0, 0, 0], [2, 3]), tf.tensor2d([0.2, 0.3, 0.5, 1, 0, 0], [2, 3])),
    );
    // `scipy.special.log_softmax`, float64.
    const losses = [1.10760596444438, 1.09861228866811];
    const slopes = [-0.109969426747276, -0.0552715283947567, 0.165240955142033, -2 / 3, 1 / 3, 1 / 3];
    expectClose([values, [...losses, ...slopes]], 1e-6);
  });

  it('gives slopes that its losses have', async () => {
    const [step, at] = [1e-2, 4];
    const moved = (by: number) => () => {
      const shift = tf.tensor2d(
        Array.from({length: 12}, (_, index) => (index === at ? by : 0)),
        [3, 4],
      );
      return bothOf(tf.add(noise([3, 4], 1), shift), tf.softmax(noise([3, 4], 2)) as tf.Tensor2D);
    };
    const [before, here, after] = await Promise.all([
      on(backend, moved(-step)),
      on(backend, moved(0)),
      on(backend, moved(step)),
    ]);
    expect((after[1]! - before[1]!) / (2 * step)).toBeCloseTo(here[3 + at]!, 3);
  });
});
