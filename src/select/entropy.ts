import {logSoftmaxRows} from '../data/arrays.ts';
import {entropies} from '../evaluate/metrics.ts';
import {checkOptions, type NoOptions} from '../options.ts';
import {highest, type Strategy} from './strategy.ts';

/**
 * Chooses the inputs on which the student is least sure: those with the highest entropy of its probabilities. Settles
 * (2009), Active learning literature survey, section 3.1.
 */
export function entropy(options: NoOptions = {}): Strategy {
  checkOptions('entropy', options, {});
  return {
    name: 'entropy',
    needs: {students: 1, embeddings: false},
    choose: ({logits: [logits], classes, seed}, size) =>
      highest(entropies({logProbabilities: logSoftmaxRows(logits!, classes), classes}), size, seed),
  };
}
