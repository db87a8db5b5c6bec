import {shuffledIndices} from '../data/random.ts';
import type {Strategy} from './strategy.ts';

/** Chooses inputs uniformly at random. At small budgets most other strategies lose to this baseline. */
export function random(): Strategy {
  return {
    name: 'random',
    needs: {students: 0, embeddings: false},
    choose: ({count, seed}, size) => shuffledIndices(count, seed, 'random choice').slice(0, size),
  };
}
