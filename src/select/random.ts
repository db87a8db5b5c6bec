import {shuffledIndices} from '../data/random.ts';
import type {Strategy} from './strategy.ts';

/** Any inputs, each as likely as any other: the baseline that most others lose to at small budgets. */
export function random(): Strategy {
  return {
    name: 'random',
    needs: {students: 0, embeddings: false},
    choose: ({count, seed}, size) => shuffledIndices(count, seed, 'random choice').slice(0, size),
  };
}
