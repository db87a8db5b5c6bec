import {tf} from '../engine/tf.ts';

/** Keeps a copy of the weights with the best validation score, if early stopping is to restore them. */
export class BestWeights {
  readonly #weights: readonly tf.Variable[];
  readonly #patience: number | undefined;
  #copies: tf.Tensor[] = [];
  #score = Number.NEGATIVE_INFINITY;
  #worse = 0;

  /** @param patience - measurements without a better one that exhaust the run; undefined keeps no copies */
  constructor(weights: readonly tf.Variable[], patience: number | undefined) {
    this.#weights = weights;
    this.#patience = patience;
  }

  /** Takes a measurement, of which higher is better. Returns true if it is the best so far. */
  offer(score: number): boolean {
    if (score <= this.#score) {
      this.#worse++;
      return false;
    }
    this.#score = score;
    this.#worse = 0;
    if (this.#patience !== undefined) {
      tf.dispose(this.#copies);
      this.#copies = this.#weights.map(weight => tf.clone(weight));
    }
    return true;
  }

  get isExhausted(): boolean {
    return this.#patience !== undefined && this.#worse >= this.#patience;
  }

  /** The score to beat, and the number of measurements since it was reached. */
  get standing(): {readonly score: number; readonly worse: number} {
    return {score: this.#score, worse: this.#worse};
  }

  /** The best weights so far. Empty if no copies are kept. This object keeps ownership. */
  get copies(): readonly tf.Tensor[] {
    return this.#copies;
  }

  /** Continues from the standing of another instance, and takes over its copies. */
  load({score, worse}: BestWeights['standing'], copies: readonly tf.Tensor[]): void {
    this.dispose();
    this.#score = score;
    this.#worse = worse;
    this.#copies = [...copies];
  }

  /** Restores the best weights, if copies were kept. */
  restore(): void {
    for (const [index, copy] of this.#copies.entries()) this.#weights[index]!.assign(copy);
  }

  dispose(): void {
    tf.dispose(this.#copies);
    this.#copies = [];
  }
}
