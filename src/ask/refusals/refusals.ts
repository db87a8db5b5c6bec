import pLimit, {type LimitFunction} from 'p-limit';
import type {TeacherError} from '../../errors.ts';
import type {Teacher} from '../../teacher.ts';
import {type AnswerWatch, NoAnswerError, ProblemsMet, problemIn} from './problems.ts';

/**
 * How many different inputs a service can refuse without answering one before it counts as refusing every request.
 * Later, how many it can refuse in a row before that is in doubt again.
 */
const REFUSED_WITHIN = 5;

/** How many inputs a service that has answered others can refuse in a row before it counts as refusing every request. */
const REFUSED_IN_A_ROW = 100;

/** How many requests with several inputs can be under way until the service is known to answer. */
const BATCHES_AT_FIRST = 2;

/** How many requests in a row the search for inputs that make a service fail may send without an answer. */
const SEARCHED_IN_A_ROW = 16;

/** The same before the service's first answer. */
const SEARCHED_AT_FIRST = 4;

interface RefusalsOptions {
  /**
   * Looks for earlier answers of the teacher: they prove that its requests work. Called once, after the first refusal.
   *
   * @default there are none
   */
  readonly hasEarlierAnswers?: () => Promise<boolean>;
  /**
   * How many different inputs can be refused before one is answered; Infinity never stops.
   *
   * @default 5
   */
  readonly within?: number | undefined;
}

const ADVICE =
  'It seems to refuse every such request: check the model, the parameters, and the name, type and shape of the input. ' +
  'If it refuses these inputs alone, `--keep-going` asks about the others.';

/**
 * Decides whether a service refuses single inputs or every request, from its replies to other inputs. Shared by
 * everything that asks the teacher in one run.
 */
export class Refusals implements AnswerWatch {
  /**
   * Tries the inputs of one refused batch at a time, because several batches can have the same input at the same row.
   */
  readonly inTurn: LimitFunction = pLimit(1);
  /** Searches one failed batch at a time, so that a service that is down gets few requests. */
  readonly searchInTurn: LimitFunction = pLimit(1);
  readonly #teacher: Pick<Teacher, 'name'>;
  #within: number;
  readonly #hasEarlierAnswers: () => Promise<boolean>;
  readonly #problems: ProblemsMet;
  /** The inputs that were refused before any was answered. */
  readonly #inputs = new Set<string>();
  #earlier: Promise<boolean> | undefined;
  #works = false;
  /** Requests that are under way, or were refused and are not yet examined. */
  #open = 0;
  #waiting: (() => void)[] = [];
  /** The actions on refused inputs that wait until other inputs are surely answered. */
  #held: {readonly number: number; readonly act: () => Promise<void>}[] = [];
  #count = 0;
  #answers = 0;
  /** Requests of searches without an answer, since the last answer. */
  #searched = 0;
  #countAtAnswer = 0;
  /** Up to this count, refusals in a row are allowed whatever their number. */
  #allowedCount = 0;
  /** True if it refused a request with several inputs. Until the reason is known, inputs are asked one by one. */
  hasRefusedBatch = false;

  constructor(teacher: Pick<Teacher, 'name'>, {hasEarlierAnswers = async () => false, within}: RefusalsOptions = {}) {
    this.#teacher = teacher;
    this.#within = within ?? REFUSED_WITHIN;
    this.#hasEarlierAnswers = hasEarlierAnswers;
    this.#problems = new ProblemsMet(teacher.name);
  }

  /** True if the service is known to answer such requests, so that a refusal concerns the input. */
  get works(): boolean {
    return this.#works;
  }

  /**
   * Waits until a request can go out. Until the service is known to answer, few requests are under way at once.
   *
   * @param inputs - the number of them in the request
   * @param isHeld - true if the request must no longer go out; read again after each result of another request
   * @returns true if it can go out; then it must leave
   * @throws NoAnswerError if the service refuses every request, as far as is known
   */
  async enter(inputs: number, isHeld: () => boolean): Promise<boolean> {
    const most = () => (inputs > 1 ? Math.min(this.#within, BATCHES_AT_FIRST) : this.#within);
    while (!this.#works && !isHeld() && this.#inputs.size + this.#open >= most()) {
      this.#check();
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
    this.#check();
    if (isHeld()) return false;
    this.#open++;
    return true;
  }

  /** Ends the examination of a request that entered. */
  leave(): void {
    this.#open--;
    this.#wake();
  }

  /** The service answered a request. */
  answered(): void {
    this.#works = true;
    this.#answers++;
    this.#searched = 0;
    this.#wake();
  }

  /** How often the service is known to have answered. It grows with each answer. */
  get answers(): number {
    return this.#answers;
  }

  /** False if the last requests of searches brought no answer, so that the service itself seems to fail. */
  maySearch(requests: number): boolean {
    return this.#searched + requests <= (this.#works ? SEARCHED_IN_A_ROW : SEARCHED_AT_FIRST);
  }

  /** Requests of a search brought no answer. */
  searchFailed(requests: number): void {
    this.#searched += requests;
  }

  /** Looks for earlier answers, after a refusal. */
  async lookBack(): Promise<void> {
    if (this.#works) return;
    this.#earlier ??= this.#hasEarlierAnswers();
    if (!(await this.#earlier)) return;
    this.#works = true;
    this.#wake();
  }

  /**
   * The service refused a request with one input alone.
   *
   * @param input - stands for the input
   * @throws NoAnswerError if it refuses every request, as far as is known
   */
  async refused(input: string, error: TeacherError): Promise<void> {
    if (!this.#inputs.has(input)) this.#problems.add(error);
    this.#inputs.add(input);
    await this.lookBack();
    this.#wake();
    this.#check();
  }

  /** True if it refused this input alone before it answered any. */
  hasRefused(input: string): boolean {
    return this.#inputs.has(input);
  }

  allow(inputs: number): void {
    this.#within = this.#inputs.size + inputs;
    this.#allowedCount = this.#count + inputs;
  }

  /** The number of refused inputs with an action, waiting or done. */
  get count(): number {
    return this.#count;
  }

  /**
   * Acts on a refused input: now, or as soon as it is sure that the service refuses the input and not the request.
   * Others must have been answered by then, and not too many refused after that.
   */
  async whenSure(act: () => Promise<void>): Promise<void> {
    const number = ++this.#count;
    this.#held.push({number, act});
    if (this.#works && number - this.#countAtAnswer <= REFUSED_WITHIN) await this.#release(number);
  }

  /**
   * Call this with the last refusal, after `sure` if there were answers, too.
   *
   * @throws NoAnswerError if so many inputs were refused in a row that the service seems to refuse every request
   */
  checkRow(last: TeacherError): void {
    const inARow = this.#count - this.#countAtAnswer;
    if (inARow < REFUSED_IN_A_ROW || this.#count < this.#allowedCount) return;
    if (this.#within === Number.POSITIVE_INFINITY) return;
    const {name} = this.#teacher;
    throw new NoAnswerError(
      name,
      `It refused ${inARow} inputs in a row, so no more are sent. The last time: ${problemIn(last, name)}\n${ADVICE}`,
      this,
    );
  }

  /**
   * Inputs were answered. Resolves when all actions that waited for it are done.
   *
   * @param count - the value of `count` when the answers came
   */
  async sure(count: number): Promise<void> {
    this.answered();
    this.#countAtAnswer = Math.max(this.#countAtAnswer, count);
    if (this.#held.length > 0) await this.#release(count);
  }

  async #release(upTo: number): Promise<void> {
    const sure = this.#held.filter(({number}) => number <= upTo);
    this.#held = this.#held.filter(({number}) => number > upTo);
    for (const {act} of sure) await act();
  }

  #check(): void {
    if (this.#works || this.#inputs.size < this.#within) return;
    throw new NoAnswerError(
      this.#teacher.name,
      `It refused ${this.#inputs.size} different inputs and answered none, so no more are sent.${this.#problems.lines}\n` +
        ADVICE,
      this,
    );
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
