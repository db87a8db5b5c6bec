import {softmaxRows} from '../data/arrays.ts';
import {checkOptions, type NoOptions} from '../options.ts';
import {highest, type Strategy} from './strategy.ts';

/**
 * Chooses inputs between two classes: those with the smallest gap between the student's two highest probabilities.
 * Scheffer, Decomain and Wrobel (2001), Active hidden Markov models for information extraction; Settles (2009),
 * section 3.1.
 */
export function margin(options: NoOptions = {}): Strategy {
  checkOptions('margin', options, {});
  return {
    name: 'margin',
    needs: {students: 1, embeddings: false},
    choose: ({logits: [logits], classes, seed}, size) =>
      highest(
        gaps(softmaxRows(logits!, classes), classes).map(gap => -gap),
        size,
        seed,
      ),
  };
}

/** The highest probability of each row minus the second highest. */
function gaps(probabilities: Float64Array, classes: number): Float64Array {
  return Float64Array.from({length: probabilities.length / classes}, (_, row) => {
    let [first, second] = [0, 0];
    for (let index = row * classes; index < (row + 1) * classes; index++) {
      const probability = probabilities[index]!;
      if (probability > first) [first, second] = [probability, first];
      else if (probability > second) second = probability;
    }
    return first - second;
  });
}
