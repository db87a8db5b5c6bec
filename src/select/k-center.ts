import type {Embeddings, Strategy} from './strategy.ts';

/**
 * Inputs that lie far from all that were answered and from each other: each next one is that whose nearest neighbour among
 * them is farthest, by Euclidean distance of what goes into the student's last layer. Sener and Savarese (2018), Active
 * learning for convolutional neural networks: a core-set approach, algorithm 1; at most twice the best radius (Gonzalez,
 * 1985). Takes (answered + size) · count · width steps.
 */
export function kCenter(): Strategy {
  return {
    name: 'k-center',
    needs: {students: 1, embeddings: true},
    choose: ({count, embeddings}, size) => farthestFirst(embeddings!, count, size),
  };
}

/** On ties the first of the candidates. Where nothing was answered yet it starts with the first. */
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
    // Never again, though another one lies in the same place.
    nearest[farthest] = -1;
  }
  return chosen;
}

/** Lowers each squared distance to the nearest centre to that of one more centre, where that is nearer. */
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
