import type {LabelAnswer, Teacher} from './teacher.ts';

/** What writes inputs: part of the contract. Types only. */

/**
 * The texts that a writer gave for one prompt. To the layers it is a label of one of `Prompted.classes`, so they keep it
 * like every other answer.
 */
export interface WrittenAnswer extends LabelAnswer {
  readonly texts: readonly string[];
}

/**
 * A language model that writes inputs. It answers no question about them, so it is no teacher. What it is asked goes the
 * way of a teacher's queries: through rate limits, budget, journal and cache.
 */
export interface Writer {
  /** The name of its model, which is kept with every text. */
  readonly model: string;
  /** Takes prompts as texts. Each answer is a `WrittenAnswer`. */
  readonly prompted: Teacher<'black-box'>;
}
