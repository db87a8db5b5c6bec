import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {fitLinearHead, headLogits} from '../../src/assistant/linear-head.ts';
import {startEngine} from '../../src/engine/engine.ts';

interface Fixture {
  readonly width: number;
  readonly classes: number;
  readonly features: readonly number[];
  readonly targets: readonly number[];
  readonly weights: readonly number[];
  readonly heads: readonly {readonly penalty: number; readonly head: readonly number[]}[];
}

const path = join(import.meta.dirname, '../fixtures/assistant/heads.json');
const {width, classes, heads, ...lists}: Fixture = JSON.parse(readFileSync(path, 'utf8'));
const examples = {
  features: Float32Array.from(lists.features),
  targets: Float32Array.from(lists.targets),
  weights: Float32Array.from(lists.weights),
};

beforeAll(startEngine);

describe('fitLinearHead', () => {
  it.each(heads)('fits what scikit-learn does, at a penalty of $penalty', ({penalty, head}) => {
    const {weights} = fitLinearHead(examples, {width, classes, penalty, tolerance: 1e-9});
    expect(weights).toHaveLength(head.length);
    for (const [index, weight] of weights.entries()) expect(weight).toBeCloseTo(head[index]!, 2);
  });

  it('comes to the same head from another start', () => {
    const options = {width, classes, penalty: 0.3, tolerance: 1e-9};
    const start = fitLinearHead(examples, {...options, penalty: 10});
    const [cold, warm] = [fitLinearHead(examples, options), fitLinearHead(examples, {...options, start})];
    for (const [index, weight] of warm.weights.entries()) expect(weight).toBeCloseTo(cold.weights[index]!, 2);
  });

  it('counts an example twice that weighs 2', () => {
    const {features, targets} = examples;
    const options = {width, classes, penalty: 0.3, tolerance: 1e-9};
    const first = (list: Float32Array, size: number) => Float32Array.of(...list, ...list.subarray(0, size));
    const twice = {features: first(features, width), targets: first(targets, classes)};
    const weights = new Float32Array(targets.length / classes).fill(1);
    weights[0] = 2;
    const [repeated, weighted] = [fitLinearHead(twice, options), fitLinearHead({features, targets, weights}, options)];
    for (const [index, weight] of weighted.weights.entries()) expect(weight).toBeCloseTo(repeated.weights[index]!, 2);
  });
});

describe('headLogits', () => {
  it('adds the biases to the product', () => {
    const head = {width: 2, classes: 2, weights: Float64Array.of(1, 2, 3, 4, 10, 20)};
    expect([...headLogits(head, Float32Array.of(1, 1, 0, 2))]).toEqual([14, 26, 16, 28]);
  });
});
