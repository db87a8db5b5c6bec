import type {Missing} from '../ask/collect.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {answerAt, tabulate} from '../knowledge/table.ts';
import type {Answer} from '../teacher.ts';

/** What was answered so far about the inputs of a pool. */
export class Answered {
  readonly #pool: Inputs;
  readonly #rows: number[] = [];
  readonly #answers: Answer[] = [];
  #head: Pick<Knowledge, 'source' | 'classes' | 'detail'> | undefined;

  constructor(pool: Inputs) {
    this.#pool = pool;
  }

  /** The places of its inputs in the pool. */
  get rows(): readonly number[] {
    return this.#rows;
  }

  /**
   * @param asked - the places in the pool of the inputs that the teacher was asked about
   * @param knowledge - of those that are not missing
   */
  add(asked: Int32Array, {source, classes, detail, answers}: Knowledge, missing: readonly Missing[]): void {
    const without = new Set(missing.map(({index}) => index));
    for (const row of asked) if (!without.has(row)) this.#rows.push(row);
    for (let row = 0; row < answers.count; row++) this.#answers.push(answerAt(answers, row, classes.length));
    this.#head = {source, classes, detail};
  }

  /** What is known of those inputs whose places in the pool are wanted. */
  knowledge(isWanted: (row: number) => boolean = () => true): Knowledge {
    const head = this.#head!;
    const places = [...this.#rows.keys()].filter(place => isWanted(this.#rows[place]!));
    const answers = places.map(place => this.#answers[place]!);
    return {
      ...head,
      inputs: selectInputs(
        this.#pool,
        places.map(place => this.#rows[place]!),
      ),
      answers: tabulate(answers, head.detail, head.classes.length),
    };
  }
}
