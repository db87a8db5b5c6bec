import pLimit, {type LimitFunction} from 'p-limit';
import {TeacherError} from '../../errors.ts';
import type {Teacher} from '../../teacher.ts';

/**
 * How many different inputs a service may refuse, without having answered one, until it is taken to refuse every request.
 * Later, how many it may refuse in a row until that is in doubt again.
 */
const REFUSED_WITHIN = 5;

interface RefusalsOptions {
  /**
   * Looks for earlier answers of the teacher: they prove that its requests work. Asked once, after the first refusal.
   *
   * @default there are none
   */
  readonly hasEarlierAnswers?: () => Promise<boolean>;
  /**
   * How many different inputs may be refused before one is answered; Infinity never stops.
   *
   * @default 5
   */
  readonly within?: number;
}

/**
 * Finds out whether a service refuses single inputs or every request, by what it says of other inputs. Shared by all that
 * ask the teacher in one run.
 */
export class Refusals {
  /** Tries the inputs of one refused batch at a time: those of several may have the same in common at the same row. */
  readonly inTurn: LimitFunction = pLimit(1);
  readonly #teacher: Pick<Teacher, 'name'>;
  readonly #within: number;
  readonly #hasEarlierAnswers: () => Promise<boolean>;
  readonly #problems: ProblemsMet;
  /** The inputs that were refused before any was answered. */
  readonly #inputs = new Set<string>();
  #earlier: Promise<boolean> | undefined;
  #works = false;
  /** Requests that are on their way, or were refused and are not looked into yet. */
  #open = 0;
  #waiting: (() => void)[] = [];
  /** What is to be done about refused inputs once it is sure that others are answered. */
  #held: {readonly number: number; readonly act: () => Promise<void>}[] = [];
  #count = 0;
  #countAtAnswer = 0;
  /** Whether it refused a request about several inputs: until it is known why, they are asked about one by one. */
  hasRefusedBatch = false;

  constructor(teacher: Pick<Teacher, 'name'>, {hasEarlierAnswers = async () => false, within}: RefusalsOptions = {}) {
    this.#teacher = teacher;
    this.#within = within ?? REFUSED_WITHIN;
    this.#hasEarlierAnswers = hasEarlierAnswers;
    this.#problems = new ProblemsMet(teacher.name);
  }

  /** Whether the service is known to answer such requests, so that what it refuses, it refuses for its input. */
  get works(): boolean {
    return this.#works;
  }

  /**
   * Waits until a request may go out: while it is not known that the service answers, few are on their way at once.
   *
   * @param isHeld - whether the request is not to go out any more; looked at whenever something is known of others
   * @returns whether it may go out; then it is to leave
   * @throws TeacherError if the service refuses every request
   */
  async enter(isHeld: () => boolean): Promise<boolean> {
    while (!this.#works && !isHeld() && this.#inputs.size + this.#open >= this.#within) {
      this.#check();
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
    this.#check();
    if (isHeld()) return false;
    this.#open++;
    return true;
  }

  /** A request that entered is looked into. */
  leave(): void {
    this.#open--;
    this.#wake();
  }

  /** The service answered a request. */
  answered(): void {
    this.#works = true;
    this.#wake();
  }

  /** Looks for earlier answers, after a refusal. */
  async lookBack(): Promise<void> {
    if (this.#works) return;
    this.#earlier ??= this.#hasEarlierAnswers();
    if (await this.#earlier) this.answered();
  }

  /**
   * The service refused a request about one input alone.
   *
   * @param input - stands for the input
   * @throws TeacherError if it refuses every request, as far as is known
   */
  async refused(input: string, error: TeacherError): Promise<void> {
    if (!this.#inputs.has(input)) this.#problems.add(error);
    this.#inputs.add(input);
    await this.lookBack();
    this.#wake();
    this.#check();
  }

  /** How many refused inputs something is to be done about, or was. */
  get count(): number {
    return this.#count;
  }

  /**
   * Does something about a refused input, now or when it is sure that the service refuses the input and not the request:
   * others were answered, and not too many refused since.
   */
  async whenSure(act: () => Promise<void>): Promise<void> {
    const number = ++this.#count;
    this.#held.push({number, act});
    if (this.#works && number - this.#countAtAnswer <= REFUSED_WITHIN) await this.#release(number);
  }

  /**
   * Inputs were answered. Resolves when all that waited for it is done.
   *
   * @param count - what `count` was when the answers came
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
    throw new TeacherError(
      this.#teacher.name,
      `It refused ${this.#inputs.size} different inputs and answered none, so no more are sent.${this.#problems.lines}\n` +
        'As far as is known it refuses every such request: check the model and the parameters. If it refuses these ' +
        'inputs alone, `--keep-going` asks about the others.',
    );
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

/** How many different problems a message names. */
const NAMED = 3;

/** What went wrong in a run, and how often. */
export class ProblemsMet {
  readonly #teacher: string;
  readonly #times = new Map<string, number>();

  /** @param teacher - its name, which is left out of each problem */
  constructor(teacher: string) {
    this.#teacher = teacher;
  }

  add(error: unknown): void {
    const problem = problemIn(error, this.#teacher);
    this.#times.set(problem, (this.#times.get(problem) ?? 0) + 1);
  }

  /** A line each, the most frequent first. */
  get lines(): string {
    const byCount = [...this.#times].sort(([, one], [, other]) => other - one);
    const named = byCount
      .slice(0, NAMED)
      .map(([problem, times]) => `\n  ${times === 1 ? 'once' : `${times} times`}: ${problem}`);
    if (byCount.length > named.length) named.push(`\n  and ${byCount.length - named.length} other problems.`);
    return named.join('');
  }
}

/** What an error says, without the name of the teacher before it. */
export function problemIn(error: unknown, teacher: string): string {
  const problem = error instanceof Error ? error.message : String(error);
  return problem.replace(`Teacher ${teacher}: `, '');
}
