import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import type {Candidates} from '../../src/select/strategy.ts';

/** Choices made elsewhere, see test/fixtures/select/make-select.py. */
interface Choices {
  /** [students, count, classes] */
  readonly logits: readonly number[][][];
  readonly candidates: readonly number[][];
  readonly answered: readonly number[][];
  /** All candidates in order. */
  readonly entropy: readonly number[];
  readonly margin: readonly number[];
  readonly disagreement: readonly number[];
  /** The first 12. */
  readonly kCenter: readonly number[];
  /** The first 10. */
  readonly medoids: readonly number[];
  /** The first 10 if nothing was answered. */
  readonly medoidsFirst: readonly number[];
}

const path = join(import.meta.dirname, '..', 'fixtures', 'select', 'choices.json');

export const choices: Choices = JSON.parse(readFileSync(path, 'utf8'));

/** The candidates of the fixture. */
export const known: Candidates = {
  count: choices.candidates.length,
  classes: 5,
  seed: 1,
  labels: Int32Array.of(0, 1, 2),
  logits: choices.logits.map(student => Float32Array.from(student.flat())),
  embeddings: {
    width: 6,
    candidates: Float32Array.from(choices.candidates.flat()),
    answered: Float32Array.from(choices.answered.flat()),
  },
};

/** Candidates drawn by a seed, three students and embeddings of 4 numbers. */
export function drawn(count: number, classes: number, seed: number): Candidates {
  const random = seededRandom(seed, 'candidates');
  const numbers = (length: number) => Float32Array.from({length}, () => 4 * randomFraction(random) - 2);
  return {
    count,
    classes,
    seed,
    labels: Int32Array.from({length: 5}, () => Math.floor(randomFraction(random) * classes)),
    logits: [numbers(count * classes), numbers(count * classes), numbers(count * classes)],
    embeddings: {width: 4, candidates: numbers(count * 4), answered: numbers(5 * 4)},
  };
}
