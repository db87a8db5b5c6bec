import type {Missing} from '../ask/collect.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import type {TransferSet} from '../data/split.ts';
import {BudgetError, KnowledgeError} from '../errors.ts';
import {answerAt, tabulate} from '../knowledge/answers.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Answer} from '../teacher.ts';
import {expectedGain, type MeasuredRound} from './curve.ts';
import type {Plan} from './options.ts';
import {type SelectionRound, shareOf, stopReason} from './round.ts';

/** A selection under way. */
export class SelectionRun {
  readonly #plan: Plan;
  readonly #order: Int32Array;
  /** Indices in the pool of the held-out inputs. */
  readonly #held: ReadonlySet<number>;
  /** Indices in the pool of the calibration inputs. */
  readonly #calibrating: ReadonlySet<number>;
  readonly #answered: Answered;
  readonly #asked = new Set<number>();
  readonly #measured: MeasuredRound[] = [];

  /** The first inputs are those that `draw` draws by the same seed, so that a caller of both pays for them once. */
  constructor(plan: Plan, {inputs}: TransferSet) {
    this.#plan = plan;
    this.#order = shuffledIndices(inputs.count, plan.seed);
    this.#held = new Set(this.#order.subarray(0, plan.held));
    const drawn = plan.held + (plan.start ? 0 : plan.first);
    this.#calibrating = new Set(this.#order.subarray(drawn, drawn + plan.calibration));
    this.#answered = new Answered(inputs);
  }

  get askedCount(): number {
    return this.#asked.size;
  }

  /** True if nothing more may be asked about, or can be. */
  get isComplete(): boolean {
    return this.#asked.size >= Math.min(this.#plan.most, this.#order.length);
  }

  /**
   * The first inputs to ask about: held-out and others mixed, so that the end of a budget cuts both; then calibration.
   *
   * @param chosen - those that the first student learns from; undefined if they are drawn
   */
  first(chosen: Int32Array | undefined): Int32Array {
    const {held, first, seed} = this.#plan;
    const rows = Int32Array.of(...this.#held, ...(chosen ?? this.#order.subarray(held, held + first)));
    const order = shuffledIndices(rows.length, seed, 'order of the first round').map(index => rows[index]!);
    return Int32Array.of(...order, ...this.#calibrating);
  }

  /** Inputs that may be chosen: those that were not asked about, and are not reserved for measurement or calibration. */
  unasked(): Int32Array {
    const isApart = (row: number): boolean => this.#held.has(row) || this.#calibrating.has(row);
    return this.#order.filter(row => !this.#asked.has(row) && !isApart(row));
  }

  add(rows: Int32Array, knowledge: Knowledge, missing: readonly Missing[]): void {
    for (const row of rows) this.#asked.add(row);
    this.#answered.add(rows, knowledge, missing);
  }

  /** @throws KnowledgeError if either part is empty */
  knowledge(): {readonly learned: Knowledge; readonly held: Knowledge} {
    const isHeld = (row: number): boolean => this.#held.has(row);
    const isLearned = (row: number): boolean => !isHeld(row) && !this.#calibrating.has(row);
    const {rows} = this.#answered;
    if (!rows.some(isHeld) || !rows.some(isLearned)) {
      throw new KnowledgeError(
        `Of the first round's ${this.#asked.size} inputs ${rows.length} were answered, too few to learn from some and hold out others. Ask about more.`,
      );
    }
    return {learned: this.#answered.knowledge(isLearned), held: this.#answered.knowledge(isHeld)};
  }

  /** All answers. If there are calibration answers, they are named. */
  #whole(): Knowledge {
    const knowledge = this.#answered.knowledge();
    if (this.#calibrating.size === 0) return knowledge;
    return {...knowledge, calibrationInputs: this.#calibrationInputs()};
  }

  /** Indices of the calibration inputs among the answers. */
  #calibrationInputs(): readonly number[] {
    const {rows} = this.#answered;
    return [...rows.keys()].filter(index => this.#calibrating.has(rows[index]!));
  }

  /**
   * @param held - number of held-out answers
   * @param agrees - [held], how often the round's students agree with the teacher; undefined if there are none
   */
  close(
    {round, asked, missing, held}: Pick<SelectionRound, 'round' | 'asked' | 'missing' | 'held'>,
    agrees: Float64Array | undefined,
    last: SelectionRound | undefined,
  ): SelectionRound {
    const {seed, most, stop} = this.#plan;
    const apart = held + this.#calibrationInputs().length;
    if (agrees) this.#measured.push({answers: this.#answered.rows.length - apart, agrees});
    const agreement = agrees && shareOf(agrees);
    const gain = expectedGain(this.#measured, {seed: mixSeed(seed, `gain after round ${round}`)});
    const stopped = stopReason(
      {
        agreement,
        gain,
        gainBefore: last?.gain,
        left: most - this.#asked.size,
        unasked: this.#order.length - this.#asked.size,
        isUnpaid: missing.some(({error}) => error instanceof BudgetError),
      },
      stop,
    );
    return {
      round,
      asked,
      knowledge: this.#whole(),
      rows: Int32Array.from(this.#answered.rows),
      held,
      agreement,
      gain,
      missing,
      stopped,
    };
  }
}

/** The answers so far about the inputs of a pool. */
export class Answered {
  readonly #pool: Inputs;
  readonly #rows: number[] = [];
  readonly #answers: Answer[] = [];
  #head: Pick<Knowledge, 'source' | 'classes' | 'detail'> | undefined;

  constructor(pool: Inputs) {
    this.#pool = pool;
  }

  /** Indices of its inputs in the pool. */
  get rows(): readonly number[] {
    return this.#rows;
  }

  /**
   * @param asked - indices in the pool of the inputs that the teacher was asked about
   * @param knowledge - knowledge of the inputs that are not missing
   */
  add(asked: Int32Array, {source, classes, detail, answers}: Knowledge, missing: readonly Missing[]): void {
    const without = new Set(missing.map(({index}) => index));
    for (const row of asked) if (!without.has(row)) this.#rows.push(row);
    for (let row = 0; row < answers.count; row++) this.#answers.push(answerAt(answers, row, classes.length));
    this.#head = {source, classes, detail};
  }

  /** The knowledge of the inputs whose indices in the pool are wanted. */
  knowledge(isWanted: (row: number) => boolean = () => true): Knowledge {
    const head = this.#head!;
    const indices = [...this.#rows.keys()].filter(index => isWanted(this.#rows[index]!));
    const answers = indices.map(index => this.#answers[index]!);
    return {
      ...head,
      inputs: selectInputs(
        this.#pool,
        indices.map(index => this.#rows[index]!),
      ),
      answers: tabulate(answers, head.detail, head.classes.length),
    };
  }
}
