import {askAll} from '../ask/batches.ts';
import {type Reorder, reorderTo} from '../ask/compose/composed.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {AnswerStoreError, BudgetError, InputError} from '../errors.ts';
import {coarsen, withoutFeatures} from '../knowledge/coarsen.ts';
import {classesOf, type Question} from '../question.ts';
import {detailFor, requestsOf} from '../questions.ts';
import type {Answer, Detail, Outcome, Query, Teacher} from '../teacher.ts';
import type {Fallback} from './decision.ts';
import type {AskedPart, ServedHead, ServedHeads} from './heads.ts';

export const TRAFFIC_REASONS = ['unsure', 'audit', 'shadow', 'demoted'] as const;

/** The reason for a request: the student was not sure, was audited, is only measured, or had broken its promise. */
export type TrafficReason = (typeof TRAFFIC_REASONS)[number];

export interface TeacherGatewayOptions {
  /** The teacher with its layers, see `openAsking`: its answers are kept, and charged to the budget. */
  readonly teacher: LayeredTeacher;
  /**
   * The least detail of each of its answers.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail | undefined;
  /**
   * Milliseconds after which a request stops waiting for the teacher and takes the student's answer.
   *
   * @default 20000
   */
  readonly patience?: number | undefined;
  /**
   * The most inputs that may wait for the teacher at once. Further ones get the student's answer. One request is always
   * admitted.
   *
   * @default 4096
   */
  readonly maxAsking?: number | undefined;
  /** Called with each answer of the teacher, including those too late for their request, but not with repeats. */
  readonly onAnswer?: ((answered: TeacherAnswered) => void) | undefined;
  /** Called with each failed request. */
  readonly onTrouble?: ((error: Error) => void) | undefined;
}

/** The reason for a request: traffic that needs an answer, or a repeat that measures repeatability. */
type AskedWhy = TrafficReason | 'repeat';

interface GatewayAskOptions {
  /** Aborts when nobody waits for the answers any more. */
  readonly signal?: AbortSignal;
  /** @default the gateway's patience */
  readonly patience?: number;
}

/** An input with the teacher's answer. */
export interface TeacherAnswered extends Omit<Asked, 'why'> {
  /** The teacher's answer, with classes in the student's order. */
  readonly answer: Answer;
  readonly why: TrafficReason;
}

/** An input that is put to the teacher. */
export interface Asked {
  readonly query: Query;
  /** The student's answer. */
  readonly student: Answer;
  readonly why: AskedWhy;
}

/** Asks the teacher for a service, with a limit on waiting and a circuit breaker for repeated failures. */
export class TeacherGateway {
  /** The detail of its answers. */
  readonly detail: Detail;
  readonly #options: TeacherGatewayOptions;
  readonly #routes: ReadonlyMap<Question | undefined, TeacherRoute>;
  readonly #breaker = new CircuitBreaker();
  /** Requests under way, each with the controller that stops it. */
  readonly #underWay = new Map<Promise<unknown>, AbortController>();
  /** Inputs under way. */
  #inputs = 0;

  /**
   * @param heads - the student's
   * @throws InputError if the teacher doesn't answer a question of the student, or has different classes, or names none
   */
  constructor(heads: ServedHeads, options: TeacherGatewayOptions) {
    const {teacher, detail = withoutFeatures(teacher.detail)} = options;
    if (detail.kind === 'expected') {
      throw new InputError(
        `Teacher ${teacher.name} shows expected levels alone, which name no class. Serve the student without it.`,
      );
    }
    this.detail = detail;
    this.#options = options;
    this.#routes = new Map([...heads].map(([question, head]) => [question, routeOf(head, teacher)]));
  }

  /** Returns the teacher's answer to each input, or the reason why there is none. Never rejects. */
  async ask(
    asked: readonly Asked[],
    {signal, patience = this.#options.patience ?? 20_000}: GatewayAskOptions = {},
  ): Promise<readonly (Answer | Fallback)[]> {
    const {maxAsking = 4096} = this.#options;
    const isFull = this.#inputs > 0 && this.#inputs + asked.length > maxAsking;
    if (this.#breaker.isOpen || isFull) return asked.map(() => 'busy');
    this.#inputs += asked.length;
    const stop = new AbortController();
    const answers = this.#answersTo(asked, stop.signal);
    this.#underWay.set(answers, stop);
    void answers.finally(() => {
      this.#underWay.delete(answers);
      this.#inputs -= asked.length;
    });
    // An abort sends nothing more. Requests under way can finish, because they may already be charged.
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

  /** Sends nothing more. Resolves when all requests under way have ended. */
  async settle(): Promise<void> {
    for (const stop of this.#underWay.values()) stop.abort();
    await Promise.all(this.#underWay.keys());
  }

  async #answersTo(asked: readonly Asked[], stop: AbortSignal): Promise<readonly (Answer | Fallback)[]> {
    const {teacher, onAnswer} = this.#options;
    const routes = asked.map(({query}) => this.#routes.get(query.question)!);
    const queries = asked.map(({query}, index) => ({...query, ...routes[index]!.asked}));
    try {
      const outcomes = await askAll(teacher, queries, {detail: this.detail, stop});
      return outcomes.map((outcome, index) => {
        if ('error' in outcome) return this.#failure(outcome.error, stop);
        this.#breaker.answered();
        const answer = routes[index]!.reorder(this.#coarsened(queries[index]!, outcome));
        const {why, ...one} = asked[index]!;
        if (why !== 'repeat') onAnswer?.({...one, answer, why});
        return answer;
      });
    } catch (error) {
      const fallback = this.#failure(error as Error, stop);
      return asked.map(() => fallback);
    }
  }

  /** Reduces a kept answer that holds more detail than wanted. One with less detail is used unchanged. */
  #coarsened(query: Query, {answer}: Extract<Outcome, {readonly answer: Answer}>): Answer {
    const detail = detailFor(this.#options.teacher, query, this.detail);
    return answer.kind === detail.kind ? answer : coarsen(answer, detail);
  }

  #failure(error: Error, stop: AbortSignal): Fallback {
    // An abort by the client is not the teacher's fault.
    if (stop.aborted && !(error instanceof AnswerStoreError)) return 'late';
    this.#options.onTrouble?.(error);
    if (error instanceof BudgetError) return 'budget';
    this.#breaker.failed();
    return 'failed';
  }
}

/** The question of a teacher that a head's queries are put to. */
interface TeacherRoute {
  readonly asked: AskedPart;
  readonly reorder: Reorder;
}

/** @throws InputError if the teacher doesn't answer the question, or has different classes */
export function routeOf({question, classes, asked}: ServedHead, teacher: Teacher): TeacherRoute {
  const {name, questions} = teacher;
  if (questions === undefined) {
    if (asked.question === undefined) return {asked: {}, reorder: reorderTo(classes, teacher)};
    throw new InputError(`Teacher ${name} answers one question, and the student several. Serve one of them.`);
  }
  const index = questions.list.findIndex(other => other.name === question?.name);
  const own = questions.list[index];
  if (own === undefined) {
    const known = questions.list.map(other => `\`${other.name}\``).join(', ');
    const wanted = question
      ? `no question \`${question.name}\``
      : 'several questions, and the student answers none by name';
    throw new InputError(`Teacher ${name} has ${wanted}. Its questions: ${known}.`);
  }
  if (detailFor(teacher, {question: own}, teacher.detail).kind === 'expected') {
    throw new InputError(
      `Teacher ${name} shows the expected level of \`${own.name}\` alone, which names no class. Serve another head, with ` +
        '`--question`, or the student without a teacher.',
    );
  }
  const reorder = reorderTo(classes, {name, classes: classesOf(own)});
  return {asked: {question: own, together: requestsOf(questions.list, questions)[index]}, reorder};
}

/** Failures in a row that open the circuit breaker. */
const FAILURES = 5;
/** Milliseconds for which it stays open. */
const OPEN_FOR = 30_000;

/** Stops requests to a teacher that fails repeatedly, so that clients don't wait in vain. */
export class CircuitBreaker {
  readonly #now: () => number;
  #failures = 0;
  #until = Number.NEGATIVE_INFINITY;

  /** @param now - milliseconds, for tests; @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get isOpen(): boolean {
    return this.#now() < this.#until;
  }

  answered(): void {
    this.#failures = 0;
  }

  /** After an open period, a single failure opens it again. */
  failed(): void {
    this.#failures++;
    if (this.#failures >= FAILURES) this.#until = this.#now() + OPEN_FOR;
  }
}
