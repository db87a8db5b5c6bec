import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {balanced} from '../../src/select/balanced.ts';
import {disagreement} from '../../src/select/disagreement.ts';
import {entropy} from '../../src/select/entropy.ts';
import {kCenter} from '../../src/select/k-center.ts';
import {margin} from '../../src/select/margin.ts';
import {medoids} from '../../src/select/medoids.ts';
import {random} from '../../src/select/random.ts';
import {highest, type Strategy} from '../../src/select/strategy.ts';
import {drawn} from './candidates.ts';

const strategies: readonly Strategy[] = [
  random(),
  entropy(),
  margin(),
  kCenter(),
  medoids(),
  disagreement(),
  balanced(),
  balanced(kCenter()),
];

beforeAll(startEngine);

describe.each(strategies.map(strategy => [strategy.name, strategy] as const))('%s', (_, strategy) => {
  it('chooses as many candidates as are wanted, each once, the same ones again', () => {
    fc.assert(
      fc.property(fc.integer({min: 1, max: 30}), fc.integer({min: 2, max: 6}), fc.integer(), (count, classes, seed) => {
        const candidates = drawn(count, classes, seed);
        for (const size of [1, Math.ceil(count / 2), count]) {
          const chosen = strategy.choose(candidates, size);
          expect(chosen).toHaveLength(size);
          expect(new Set(chosen).size).toBe(size);
          expect(chosen.every(index => index >= 0 && index < count)).toBe(true);
          expect(strategy.choose(candidates, size)).toEqual(chosen);
        }
      }),
    );
  });

  it('says by its needs what it looks at', () => {
    const {embeddings, ...candidates} = drawn(12, 3, 4);
    const least = {
      ...candidates,
      logits: candidates.logits.slice(0, strategy.needs.students),
      ...(strategy.needs.embeddings && {embeddings: embeddings!}),
    };
    expect(strategy.choose(least, 5)).toEqual(strategy.choose({...candidates, embeddings: embeddings!}, 5));
  });
});

describe('highest', () => {
  it('takes the highest scores, the highest first', () => {
    expect([...highest(Float64Array.of(0.1, 0.9, -2, 0.5), 3, 1)]).toEqual([1, 3, 0]);
  });

  it('draws among ties by the seed, and never one that scores lower', () => {
    const scores = Float64Array.of(1, 0, 1, 0, 1, 1);
    const first = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const [one, other] = highest(scores, 2, seed);
      expect([scores[one!], scores[other!]]).toEqual([1, 1]);
      first.add(one!);
    }
    expect([...first].sort()).toEqual([0, 2, 4, 5]);
  });
});
