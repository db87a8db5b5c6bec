import {shuffledIndices} from '../data/random.ts';
import {checkOptions, type NoOptions} from '../options.ts';
import type {Strategy} from './strategy.ts';

/** Chooses inputs uniformly at random. At small budgets most other strategies lose to this baseline. */
export function random(options: NoOptions = {}): Strategy {
  checkOptions('random', options, {});
  return {
    name: 'random',
    needs: {students: 0, embeddings: false},
    choose: ({count, seed}, size) => shuffledIndices(count, seed, 'random choice').slice(0, size),
  };
}
