import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {featureShapes} from '../../src/student/forward.ts';
import {lenet} from '../../src/student/lenet.ts';
import {imageTask, parameters} from './examples.ts';

beforeAll(startEngine);

describe('lenet', () => {
  it('has the weights of two 5 x 5 convolutions and two dense layers', () => {
    const student = lenet()(imageTask([28, 28, 1]), 1);
    const convolutions = 5 * 5 * 1 * 20 + 20 + (5 * 5 * 20 * 50 + 50);
    // 28 -> 24 -> 12 -> 8 -> 4 pixels a side
    const dense = 4 * 4 * 50 * 200 + 200 + (200 * 10 + 10);
    expect(parameters(student).all).toBe(convolutions + dense);
    expect(student.model.layers.map(({name}) => name)).toEqual([
      'input',
      'conv_1',
      'pool_1',
      'conv_2',
      'pool_2',
      'flatten',
      'dense_1',
      'logits',
    ]);
  });

  it('takes its widths as options', () => {
    const student = lenet({filters: [6, 16], units: 84})(imageTask([32, 32, 3]), 1);
    expect(featureShapes(student, ['pool_1', 'pool_2', 'dense_1'])).toEqual({
      pool_1: [14, 14, 6],
      pool_2: [5, 5, 16],
      dense_1: [84],
    });
  });

  it.each([[[784]], [[28, 28]], [[15, 28, 1]]])('refuses inputs of shape %j', shape => {
    expect(() => lenet()(imageTask(shape), 1)).toThrow(InputError);
    expect(() => lenet()(imageTask(shape), 1)).toThrow(
      `Student lenet takes images [height, width, channels] of at least 16 x 16, got inputs of shape [${shape.join(', ')}].`,
    );
  });

  it('makes one pixel of the smallest image', () => {
    const student = lenet()(imageTask([16, 16, 1]), 1);
    expect(featureShapes(student, ['pool_2'])).toEqual({pool_2: [1, 1, 50]});
  });
});
