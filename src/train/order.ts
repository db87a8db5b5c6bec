import {mixSeed, randomFraction, seededRandom, shuffledIndices} from '../data/random.ts';
import {answersAt, countOf, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';

/** The rows that an epoch goes through, in order. */
export type EpochOrder = (epoch: number) => Int32Array;

/** Every row once an epoch. */
export function everyRow(count: number, seed: number): EpochOrder {
  return epoch => shuffledIndices(count, mixSeed(seed, `order of epoch ${epoch}`));
}

/** How many rows are looked at together: of knowledge on disk no more than these are in memory. */
const BLOCK = 4096;

/**
 * As many rows an epoch as there are, those of rare classes more often: a row of a class of share s comes s^-balance
 * times as often as one of a class that all are of. Which rows come once more or less often changes with the epoch
 * (systematic sampling).
 *
 * @param balance - 0, as they are, to 1, all classes alike
 */
export async function balancedRows(
  knowledge: Knowledge | StoredKnowledge,
  seed: number,
  balance: number,
): Promise<EpochOrder> {
  const count = countOf(knowledge);
  const labels = await labelsOf(knowledge);
  const sizes = new Float64Array(knowledge.classes.length);
  for (const label of labels) sizes[label]!++;
  const weights = Float64Array.from(labels, label => (sizes[label]! / count) ** -balance);
  const scale = count / weights.reduce((sum, weight) => sum + weight, 0);
  const shuffled = everyRow(count, seed);
  return epoch => {
    const drawn = new Int32Array(count);
    let end = randomFraction(seededRandom(seed, `draw of epoch ${epoch}`));
    let [filled, row] = [0, 0];
    for (; filled < count && row < count; row++) {
      for (end += scale * weights[row]!; end >= 1 && filled < count; end--) drawn[filled++] = row;
    }
    // Rounding may leave the last one open.
    drawn.fill(count - 1, filled);
    return shuffled(epoch).map(place => drawn[place]!);
  };
}

async function labelsOf(knowledge: Knowledge | StoredKnowledge): Promise<Int32Array> {
  const count = countOf(knowledge);
  const labels = new Int32Array(count);
  for (let start = 0; start < count; start += BLOCK) {
    const rows = Int32Array.from({length: Math.min(BLOCK, count - start)}, (_, row) => start + row);
    labels.set(targetsOf(await answersAt(knowledge, rows), knowledge.classes.length).labels, start);
  }
  return labels;
}
