import {mixSeed, randomFraction, randomInteger, seededRandom, shuffledIndices} from '../data/random.ts';
import {answersAt, countOf, type Knowledge, rowBlocks, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';

/** The rows of an epoch, in order. */
export type EpochOrder = (epoch: number) => Int32Array;

/** Every row once in each epoch. */
export function everyRow(count: number, seed: number): EpochOrder {
  return epoch => shuffledIndices(count, mixSeed(seed, `order of epoch ${epoch}`));
}

/**
 * Every input once in each epoch, in the order of `everyRow`. The version of an input changes with each epoch, so that
 * after as many epochs as there are versions each was seen once.
 *
 * @param count - number of inputs
 */
export function everyInput(count: number, versions: number, seed: number): EpochOrder {
  const [order, rowAt] = [everyRow(count, seed), versionRows(count, versions, seed)];
  return epoch => order(epoch).map(input => rowAt(input, epoch));
}

/** The row of an input's version in an epoch. */
function versionRows(count: number, versions: number, seed: number): (input: number, epoch: number) => number {
  if (versions === 1) return input => input;
  const random = seededRandom(seed, 'first versions');
  const first = Int32Array.from({length: count}, () => randomInteger(random, 0, versions - 1));
  return (input, epoch) => input * versions + ((first[input]! + epoch) % versions);
}

/**
 * As many rows in each epoch as there are inputs, with rows of rare classes more often: a row of a class with share s
 * comes s^-balance times as often as a row of a class that holds all inputs. The rounding up or down changes with the
 * epoch (systematic sampling). An epoch uses one version of each input, and the label of that version counts.
 *
 * @param balance - from 0, unchanged, to 1, all classes equally often
 */
export async function balancedRows(
  knowledge: Knowledge | StoredKnowledge,
  seed: number,
  balance: number,
): Promise<EpochOrder> {
  const {versions = 1} = knowledge;
  const labels = await labelsOf(knowledge);
  const count = labels.length / versions;
  const sizes = new Float64Array(knowledge.classes.length);
  for (const label of labels) sizes[label]!++;
  const weights = Float64Array.from(labels, label => (sizes[label]! / labels.length) ** -balance);
  const [shuffled, rowAt] = [everyRow(count, seed), versionRows(count, versions, seed)];
  return epoch => {
    const rows = Int32Array.from({length: count}, (_, input) => rowAt(input, epoch));
    const scale = count / rows.reduce((sum, row) => sum + weights[row]!, 0);
    const drawn = new Int32Array(count);
    let end = randomFraction(seededRandom(seed, `draw of epoch ${epoch}`));
    let [filled, input] = [0, 0];
    for (; filled < count && input < count; input++) {
      for (end += scale * weights[rows[input]!]!; end >= 1 && filled < count; end--) drawn[filled++] = rows[input]!;
    }
    // Rounding can leave the last one open.
    drawn.fill(rows[count - 1]!, filled);
    return shuffled(epoch).map(index => drawn[index]!);
  };
}

async function labelsOf(knowledge: Knowledge | StoredKnowledge): Promise<Int32Array> {
  const count = countOf(knowledge);
  const labels = new Int32Array(count);
  for (const rows of rowBlocks(count)) {
    labels.set(targetsOf(await answersAt(knowledge, rows), knowledge.classes.length).labels, rows[0]!);
  }
  return labels;
}
