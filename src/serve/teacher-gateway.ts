import {reorderTo} from '../ask/compose/class-order.ts';
import {askAll} from '../ask/each.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {AnswerStoreError, BudgetError} from '../errors.ts';
import {coarsen, withoutFeatures} from '../knowledge/coarsen.ts';
import type {Answer, Detail, Outcome, Query} from '../teacher.ts';
import type {Fallback} from './decision.ts';
import type {TrafficReason} from './traffic-form.ts';

export interface TeacherGatewayOptions {
  /** With its layers, see `openAsking`: what it answers is kept, and paid for out of the budget. */
  readonly teacher: LayeredTeacher;
  /**
   * The least that each of its answers must hold.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail;
  /**
   * Milliseconds after which a request waits no longer for the teacher, and has the student's answer.
   *
   * @default 20000
   */
  readonly patience?: number;
  /**
   * Inputs that may wait for the teacher at once; further ones have the student's answer. One request is always let in.
   *
   * @default 4096
   */
  readonly maxAsking?: number;
  /** Told of each answer of the teacher, also of one that came too late for its request, but not of a repeated one. */
  readonly onAnswer?: (answered: TeacherAnswered) => void;
  /** Told of each failure to ask it. */
  readonly onTrouble?: (error: Error) => void;
}

/** Why the teacher is asked: for an answer that is of use, or to say once more what it has said. */
type AskedWhy = TrafficReason | 'repeat';

interface AskAtDoor {
  /** Aborts when nobody waits for it any more. */
  readonly signal?: AbortSignal;
  /** @default that of the door */
  readonly patience?: number;
}

/** What the teacher said in answer to a request. */
export interface TeacherAnswered extends Asked {
  /** Its classes in the student's order. */
  readonly answer: Answer;
  readonly why: TrafficReason;
}

/** What the teacher is asked about. */
export interface Asked {
  readonly query: Query;
  /** What the student said. */
  readonly student: Answer;
}

/** Where a service asks its teacher: nobody waits too long, and a teacher that fails again and again has a rest. */
export class TeacherGateway {
  /** What its answers hold. */
  readonly detail: Detail;
  readonly #options: TeacherGatewayOptions;
  readonly #reorder: (answer: Answer) => Answer;
  readonly #classes: number;
  readonly #breaker = new CircuitBreaker();
  /** What is under way, with what stops it. */
  readonly #underWay = new Map<Promise<unknown>, AbortController>();
  /** Inputs that are under way. */
  #inputs = 0;

  /**
   * @param classes - the student's
   * @throws InputError where the teacher has others
   */
  constructor(classes: readonly string[], options: TeacherGatewayOptions) {
    const {teacher, detail = withoutFeatures(teacher.detail)} = options;
    this.detail = detail;
    this.#options = options;
    this.#reorder = reorderTo(classes, teacher);
    this.#classes = classes.length;
  }

  /** What the teacher says of each; or why it says nothing. Never rejects. */
  async ask(
    asked: readonly Asked[],
    why: AskedWhy,
    {signal, patience = this.#options.patience ?? 20_000}: AskAtDoor = {},
  ): Promise<readonly (Answer | Fallback)[]> {
    const {maxAsking = 4096} = this.#options;
    const isFull = this.#inputs > 0 && this.#inputs + asked.length > maxAsking;
    if (this.#breaker.isResting || isFull) return asked.map(() => 'busy');
    this.#inputs += asked.length;
    const stop = new AbortController();
    const answers = this.#answersTo(asked, why, stop.signal);
    this.#underWay.set(answers, stop);
    void answers.finally(() => {
      this.#underWay.delete(answers);
      this.#inputs -= asked.length;
    });
    // Nothing more is sent then. What is under way is let finish: it may be paid for.
    const end = () => stop.abort();
    signal?.addEventListener('abort', end, {once: true});
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<readonly Fallback[]>(resolve => {
      timer = setTimeout(() => {
        end();
        this.#breaker.failed();
        resolve(asked.map(() => 'late'));
      }, patience);
    });
    try {
      return await Promise.race([answers, late]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
    }
  }

  /** Sends nothing more; resolves when what is under way has come. */
  async settle(): Promise<void> {
    for (const stop of this.#underWay.values()) stop.abort();
    await Promise.all(this.#underWay.keys());
  }

  async #answersTo(asked: readonly Asked[], why: AskedWhy, stop: AbortSignal): Promise<readonly (Answer | Fallback)[]> {
    const {teacher, onAnswer} = this.#options;
    const queries = asked.map(({query}) => query);
    try {
      const outcomes = await askAll(teacher, queries, {detail: this.detail, stop});
      return outcomes.map((outcome, index) => {
        if ('error' in outcome) return this.#failure(outcome.error, stop);
        this.#breaker.answered();
        const answer = this.#reorder(this.#coarsened(outcome));
        if (why !== 'repeat') onAnswer?.({...asked[index]!, answer, why});
        return answer;
      });
    } catch (error) {
      const fallback = this.#failure(error as Error, stop);
      return asked.map(() => fallback);
    }
  }

  /** A kept answer may hold more than is wanted; what holds less is taken as it is. */
  #coarsened({answer}: Extract<Outcome, {readonly answer: Answer}>): Answer {
    return answer.kind === this.detail.kind ? answer : coarsen(answer, this.detail, this.#classes);
  }

  #failure(error: Error, stop: AbortSignal): Fallback {
    // That nobody waits any more is no fault of the teacher.
    if (stop.aborted && !(error instanceof AnswerStoreError)) return 'late';
    this.#options.onTrouble?.(error);
    if (error instanceof BudgetError) return 'budget';
    this.#breaker.failed();
    return 'failed';
  }
}

/** Failures in a row after which a teacher is left alone. */
const FAILURES = 5;
/** Milliseconds for which it is. */
const REST = 30_000;

/** Leaves a teacher alone that fails again and again, so that requests need not wait for nothing. */
export class CircuitBreaker {
  readonly #now: () => number;
  #failures = 0;
  #until = Number.NEGATIVE_INFINITY;

  /** @param now - milliseconds, for tests; @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get isResting(): boolean {
    return this.#now() < this.#until;
  }

  answered(): void {
    this.#failures = 0;
  }

  /** After the rest one more failure is enough for the next. */
  failed(): void {
    this.#failures++;
    if (this.#failures >= FAILURES) this.#until = this.#now() + REST;
  }
}
