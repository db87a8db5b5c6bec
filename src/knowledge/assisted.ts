import type {Inputs} from '../data/inputs.ts';
import {countOf, inputsAt, type Knowledge, type StoredKnowledge} from './knowledge.ts';

/** A teacher's answers, and the labels that an assistant gives to the same inputs and to others. */
export interface AssistedKnowledge {
  /** The teacher's answers, about the first of all inputs. */
  readonly answered: Knowledge | StoredKnowledge;
  /** All inputs, with the assistant's labels as probabilities. */
  readonly assisted: Knowledge;
  /** How much the assistant's labels count. The teacher's answers count 1. */
  readonly weight: number;
  /** The number of all inputs. */
  readonly count: number;
  readonly versions?: undefined;
  /** The named inputs, in that order. */
  readInputs(rows: ArrayLike<number>): Promise<Inputs>;
}

/** @param assisted - its first inputs are those of the answers, in their order */
export function assistedKnowledge(
  answered: Knowledge | StoredKnowledge,
  assisted: Knowledge,
  weight: number,
): AssistedKnowledge {
  return {answered, assisted, weight, count: countOf(assisted), readInputs: rows => inputsAt(assisted, rows)};
}

/** [count], the row of each input among the teacher's answers; -1 if it has none. */
export function answeredRowsOf({answered, count}: AssistedKnowledge): Int32Array {
  const known = countOf(answered);
  return Int32Array.from({length: count}, (_, row) => (row < known ? row : -1));
}
