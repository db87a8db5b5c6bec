import {checkOptions, type NoOptions} from '../options.ts';
import type {Embeddings, Strategy} from './strategy.ts';

/**
 * Chooses inputs that are far from all answered inputs and from each other. Each next one has the farthest nearest
 * neighbour among these, by Euclidean distance of the inputs of the student's last layer. Sener and Savarese (2018),
 * Active learning for convolutional neural networks: a core-set approach, algorithm 1. Its radius is at most twice the
 * best one (Gonzalez, 1985). It takes (answered + size) · count · width steps.
 */
export function kCenter(options: NoOptions = {}): Strategy {
  checkOptions('kCenter', options, {});
  return {
    name: 'k-center',
    needs: {students: 1, embeddings: true},
    choose: ({count, embeddings}, size) => farthestFirst(embeddings!, count, size),
  };
}

/** Ties go to the first candidate. If nothing was answered yet, it starts with the first candidate. */
function farthestFirst({width, candidates, answered}: Embeddings, count: number, size: number): Int32Array {
  const nearest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (let start = 0; start < answered.length; start += width) {
    lower(nearest, candidates, answered.subarray(start, start + width));
  }
  const chosen = new Int32Array(size);
  for (let index = 0; index < size; index++) {
    const farthest = indexOfLargest(nearest);
    chosen[index] = farthest;
    lower(nearest, candidates, candidates.subarray(farthest * width, (farthest + 1) * width));
    // Never chosen again, even if another candidate has the same embedding.
    nearest[farthest] = -1;
  }
  return chosen;
}

/** Lowers the squared distances to the nearest centre after one more centre was added. */
function lower(nearest: Float64Array, candidates: Float32Array, centre: Float32Array): void {
  const width = centre.length;
  for (let row = 0, index = 0; row < nearest.length; row++) {
    let distance = 0;
    for (let axis = 0; axis < width; axis++, index++) {
      const difference = candidates[index]! - centre[axis]!;
      distance += difference * difference;
    }
    if (distance < nearest[row]!) nearest[row] = distance;
  }
}

function indexOfLargest(values: Float64Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[best]!) best = index;
  return best;
}
