import type {Input, Question} from '../teacher.ts';

/** Milliseconds for which one pass of a model may keep everything else from running. */
const PASS = 30;
/** What a question weighs beside its values or characters. */
const EACH = 100;
const [LEAST, FIRST, MOST] = [EACH, 10_000, 2 ** 30];

/**
 * How much a model is asked about in one pass. A model in this process computes without a pause, so that a pass over 256
 * long texts would keep health checks waiting for a second. By how long the passes took, they become larger or smaller.
 */
export class PassSize {
  #limit = FIRST;

  /** How many of these questions fit into one pass beside others; of a pass without others the first always does. */
  countOf(questions: readonly Question[], others: readonly Question[] = []): number {
    let weight = weightOf(others);
    const end = questions.findIndex((question, place) => {
      weight += weightOf([question]);
      return weight > this.#limit && others.length + place > 0;
    });
    return end === -1 ? questions.length : end;
  }

  /** @param blocked - milliseconds in which nothing else could run */
  took(questions: readonly Question[], blocked: number): void {
    const weight = weightOf(questions);
    const fitting = (weight * PASS) / Math.max(blocked, 0.1);
    const isTelling = blocked > PASS || weight > this.#limit / 2;
    if (isTelling) this.#limit = Math.max(LEAST, Math.min(fitting, 2 * this.#limit, MOST));
  }
}

function weightOf(questions: readonly Question[]): number {
  return questions.reduce((sum, {input}) => sum + EACH + lengthOf(input), 0);
}

function lengthOf(input: Input): number {
  return input.kind === 'text' ? input.text.length : input.data.length;
}
