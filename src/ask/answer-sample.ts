import {mixSeed} from '../data/random.ts';
import type {StoredAnswer} from '../store/store.ts';
import type {Query} from '../teacher.ts';

/** The parts of a kept answer that a sample holds. */
export type KeptAnswer = Pick<StoredAnswer, 'answer' | 'storedAt' | 'receipt'>;

export interface SampledAnswer extends KeptAnswer {
  readonly key: string;
  readonly query: Query;
}

interface Ranked extends SampledAnswer {
  readonly rank: number;
}

/**
 * A seeded sample of a stream of answers: those whose keys rank lowest. It depends on the seed and on the answers that
 * were seen, not on their order.
 */
export class AnswerSample {
  readonly #size: number;
  readonly #seed: number;
  /** By rank. */
  readonly #answers: Ranked[] = [];

  /** @param size - a whole number above 0 */
  constructor(size: number, seed: number) {
    this.#size = size;
    this.#seed = seed;
  }

  get answers(): readonly SampledAnswer[] {
    return this.#answers;
  }

  get isFull(): boolean {
    return this.#answers.length === this.#size;
  }

  /** @param kept - called only for an answer that becomes part of the sample */
  add(key: string, query: Query, kept: () => KeptAnswer): void {
    const rank = mixSeed(this.#seed, key) >>> 0;
    if (this.isFull && rank >= this.#answers.at(-1)!.rank) return;
    if (this.#answers.some(other => other.key === key)) return;
    if (this.isFull) this.#answers.pop();
    const {answer, storedAt, receipt} = kept();
    this.#answers.push({key, query, rank, answer, storedAt, ...(receipt && {receipt})});
    this.#answers.sort((one, other) => one.rank - other.rank);
  }
}
