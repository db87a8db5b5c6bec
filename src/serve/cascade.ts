import type {Ledger} from '../ask/ledger.ts';
import {type RandomGenerator, randomFraction, seededRandom} from '../data/random.ts';
import {InputError} from '../errors.ts';
import {coarsen, satisfies} from '../knowledge/coarsen.ts';
import type {Answer, Detail, Question} from '../teacher.ts';
import type {Decided, Decider, Decision} from './decision.ts';
import {type Asked, TeacherDoor, type TeacherDoorOptions} from './teacher-door.ts';

export interface CascadeOptions extends TeacherDoorOptions {
  /**
   * Share of the student's sure answers, from 0 to 1, that the teacher is asked about as well, after the reply is out.
   * Each is paid for.
   *
   * @default 0
   */
  readonly check?: number;
  /**
   * Of the draw of what is checked.
   *
   * @default 1
   */
  readonly seed?: number;
  /**
   * What the teacher is asked and what it costs, see `Asking.open`.
   *
   * @default no money is shown
   */
  readonly ledger?: Ledger;
}

/** Requests that may be checked at once; others that are drawn meanwhile are left out. */
const MOST_CHECKS = 16;

/**
 * A student that asks a teacher where it abstains. Where the teacher says nothing, the student's answer stands, and is
 * marked.
 */
export class Cascade implements Decider {
  readonly classes: readonly string[];
  readonly detail: Detail;
  readonly #student: Decider;
  readonly #teacher: TeacherDoor;
  readonly #share: number;
  readonly #random: RandomGenerator;
  readonly #onCheck: (agrees: boolean) => void;
  #checks = 0;

  /**
   * @param student - one that says where it abstains
   * @param onCheck - told of each check whether the teacher said the same
   * @throws InputError where teacher and student have other classes, or an option is out of its range
   */
  constructor(student: Decider, {check = 0, seed = 1, ...door}: CascadeOptions, onCheck: (agrees: boolean) => void) {
    if (!(check >= 0 && check <= 1)) throw new InputError(`Expected \`check\` to be from 0 to 1, got ${check}.`);
    this.classes = student.classes;
    this.#student = student;
    this.#teacher = new TeacherDoor(student.classes, door);
    this.#share = check;
    this.#random = seededRandom(seed, 'check');
    this.#onCheck = onCheck;
    const whole: Detail = {kind: 'log-probabilities'};
    const isWhole = satisfies(this.#teacher.detail, whole) && satisfies(student.detail, whole);
    this.detail = isWhole ? whole : {kind: 'label'};
  }

  async decide(questions: readonly Question[], signal: AbortSignal): Promise<readonly Decided[]> {
    const decisions = [...(await this.#student.decide(questions, signal))];
    const unsure = new Map<number, Decision>();
    const drawn: Asked[] = [];
    for (const [place, decision] of decisions.entries()) {
      if ('error' in decision) continue;
      if (decision.abstains) unsure.set(place, decision);
      else if (this.#isDrawn()) drawn.push({question: questions[place]!, student: decision.answer});
    }
    if (drawn.length > 0) void this.#check(drawn);
    if (unsure.size === 0) return decisions;
    const asked = Array.from(unsure, ([place, {answer}]) => ({question: questions[place]!, student: answer}));
    const said = await this.#teacher.ask(asked, 'unsure', signal);
    for (const [index, [place, decision]] of [...unsure].entries()) {
      const answer = said[index]!;
      decisions[place] =
        typeof answer === 'string' ? {...decision, fallback: answer} : {answer, answeredBy: 'teacher', abstains: false};
    }
    return decisions;
  }

  settle(): Promise<void> {
    return this.#teacher.settle();
  }

  #isDrawn(): boolean {
    return this.#share > 0 && randomFraction(this.#random) < this.#share;
  }

  async #check(drawn: readonly Asked[]): Promise<void> {
    if (this.#checks >= MOST_CHECKS) return;
    this.#checks++;
    const said = await this.#teacher.ask(drawn, 'check');
    this.#checks--;
    for (const [index, {student}] of drawn.entries()) {
      const answer = said[index]!;
      if (typeof answer !== 'string') this.#onCheck(this.#labelOf(answer) === this.#labelOf(student));
    }
  }

  #labelOf(answer: Answer): number {
    return coarsen(answer, {kind: 'label'}, this.classes.length).label;
  }
}
