import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {rampUp} from '../../src/losses/loss.ts';

beforeAll(async () => {
  await startEngine();
});

const at = (progress: number, share: number): number => {
  const factor = rampUp(tf.scalar(progress), share);
  return typeof factor === 'number' ? factor : factor.dataSync()[0]!;
};

describe('a ramp', () => {
  it('rises in a straight line over its share of the run, and stays at 1', () => {
    expect([0, 0.1, 0.2, 0.4, 0.5, 1].map(progress => at(progress, 0.4))).toEqual(
      [0, 0.25, 0.5, 1, 1, 1].map(factor => expect.closeTo(factor, 6)),
    );
  });

  it('of no share, or of a run whose progress is not known, is 1 throughout', () => {
    expect(at(0, 0)).toBe(1);
    expect(rampUp(undefined, 0.5)).toBe(1);
  });
});
