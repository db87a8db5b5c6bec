import {coarsen, detailOf, satisfies} from '../knowledge/coarsen.ts';
import type {Answer, Detail, Query} from '../teacher.ts';
import type {ServedHeads} from './heads.ts';

/** The reason why a student's unsure answer stands. */
export type Fallback =
  /** The teacher's budget is spent. */
  | 'budget'
  /** The teacher could not answer. */
  | 'failed'
  /** The teacher took too long. Its answer is kept when it comes. */
  | 'late'
  /** The circuit breaker is open after repeated failures, or too many queries wait for the teacher. */
  | 'busy';

/** The decision on one query. */
export interface Decision {
  readonly answer: Answer;
  readonly answeredBy: 'student' | 'teacher';
  /** True if the confidence is too low for the answer to stand. Undefined if no confidence is known. */
  readonly abstains?: boolean;
  readonly fallback?: Fallback;
}

/** A decision, or the error of this one query. */
export type Decided = Decision | {readonly error: Error};

/** Answers the requests of a service. */
export interface Decider {
  readonly heads: ServedHeads;
  /** The least detail that every decision holds. */
  readonly detail: Detail;
  /**
   * Decides each query, in order.
   *
   * @param signal - aborts when nobody waits for the answers any more
   */
  decide(queries: readonly Query[], signal: AbortSignal): Promise<readonly Decided[]>;
  /** Resolves when all work that outlasts its request is done. */
  settle(): Promise<void>;
}

/** A class with its probability. */
export interface Share {
  readonly name: string;
  readonly probability: number;
}

/**
 * The probabilities of an answer, the most probable class first. For votes, these are their shares. Undefined for a
 * label.
 */
export function sharesOf(answer: Answer, classes: readonly string[]): readonly Share[] | undefined {
  if (answer.kind === 'label') return undefined;
  if (answer.kind === 'votes') {
    const votes = answer.counts.reduce((sum, count) => sum + count, 0);
    const shares = classes.map((name, index) => ({name, probability: answer.counts[index]! / votes}));
    return shares.sort((one, other) => other.probability - one.probability);
  }
  const {classes: named, logProbabilities} = coarsen(answer, {kind: 'top-k', k: classes.length});
  return Array.from(named, (index, position) => ({
    name: classes[index]!,
    probability: Math.exp(logProbabilities[position]!),
  }));
}

/** Reduces an answer to the detail that a service shows. An answer with less detail stays as it is. */
export function shownOf(answer: Answer, detail: Detail): Answer {
  return satisfies(detailOf(answer), detail) ? coarsen(answer, detail) : answer;
}

/** Counts how a service's queries were answered. */
export class Tally {
  /** The counts of each question, by its name. Empty for a model of one question. */
  readonly questions: ReadonlyMap<string, Tally>;
  /** Answered by the student, because it was sure enough or there is no teacher. */
  student = 0;
  teacher = 0;
  /** Answered by the student instead of the teacher, by reason. */
  readonly fallbacks: Record<Fallback, number> = {budget: 0, failed: 0, late: 0, busy: 0};
  /** Answers marked as not sure enough. */
  abstained = 0;
  /** Inputs that a gate found unlike those that the student was trained on. */
  strange = 0;
  /** Queries that could not be answered. */
  errors = 0;
  /** Sure answers of the student that were compared with the teacher's. */
  audited = 0;
  /** Number of them on which the two answers agree. */
  agreed = 0;
  /** Inputs drawn for comparison that the student left to the teacher. */
  deferredAudits = 0;
  /** Inputs drawn for comparison that the teacher didn't answer. */
  lostAudits = 0;
  /** Inputs that were put to the teacher twice. */
  repeated = 0;
  /** Number of them on which the two answers agree. */
  repeatedAlike = 0;

  /** @param questions - names of the questions that are also counted one by one; @default none */
  constructor(questions: readonly string[] = []) {
    this.questions = new Map(questions.map(name => [name, new Tally()]));
  }

  /** The tallies that a query counts in. */
  of({question}: Pick<Query, 'question'>): readonly Tally[] {
    const own = question && this.questions.get(question.name);
    return own ? [this, own] : [this];
  }

  count(decisions: readonly Decided[]): void {
    for (const decision of decisions) {
      if ('error' in decision) {
        this.errors++;
        continue;
      }
      if (decision.fallback !== undefined) this.fallbacks[decision.fallback]++;
      else this[decision.answeredBy]++;
      if (decision.abstains) this.abstained++;
    }
  }

  countAudit(agrees: boolean): void {
    this.audited++;
    if (agrees) this.agreed++;
  }

  countRepeat(isAlike: boolean): void {
    this.repeated++;
    if (isAlike) this.repeatedAlike++;
  }

  /** Inputs that the student answered, for any reason. */
  get local(): number {
    return this.answered - this.teacher;
  }

  get answered(): number {
    return this.student + this.teacher + Object.values(this.fallbacks).reduce((sum, count) => sum + count, 0);
  }
}
