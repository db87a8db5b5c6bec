import {TeacherError} from '../../errors.ts';
import type {Question} from '../../question.ts';
import type {Outcome, Query, Teacher} from '../../teacher.ts';
import {problemIn} from './problems.ts';

/** How many inputs without an answer to a question show that the question is refused and not the inputs. */
const REFUSED_WITHIN = 5;

/**
 * Finds out whether a service refuses one of a teacher's questions whatever the input, for example because it takes fewer
 * options. Each further input would then cost requests for nothing. Only inputs count whose other questions are answered.
 */
export class RefusedQuestions {
  readonly #teacher: Pick<Teacher, 'name'>;
  readonly #answered = new Set<Question>();
  readonly #refused = new Map<Question, number>();
  #last: {readonly question: Question; readonly error: TeacherError} | undefined;

  constructor(teacher: Pick<Teacher, 'name'>) {
    this.#teacher = teacher;
  }

  /** The error that ends the run: a question is refused whatever the input. */
  get verdict(): TeacherError | undefined {
    if (this.#last === undefined) return undefined;
    const {question, error} = this.#last;
    return new TeacherError(
      this.#teacher.name,
      `It refuses the question \`${question.name}\` about each of ${REFUSED_WITHIN} inputs whose other questions it ` +
        `answers, so no more are sent. The last time: ${problemIn(error, this.#teacher.name)} The answers to the other ` +
        'questions are kept.',
      {cause: error},
    );
  }

  /** Notes the outcomes of a call. */
  note(queries: readonly Query[], outcomes: readonly Outcome[]): void {
    const taken = new Set(queries.filter((_, row) => 'answer' in outcomes[row]!).map(({input}) => input));
    for (const [row, {input, question}] of queries.entries()) {
      if (question === undefined) continue;
      const outcome = outcomes[row]!;
      if ('answer' in outcome) this.#answered.add(question);
      else if (taken.has(input)) this.#noteRefusal(question, outcome.error);
    }
  }

  #noteRefusal(question: Question, error: Error): void {
    if (!(error instanceof TeacherError && error.refusal !== undefined) || this.#answered.has(question)) return;
    const count = (this.#refused.get(question) ?? 0) + 1;
    this.#refused.set(question, count);
    if (count === REFUSED_WITHIN) this.#last = {question, error};
  }
}
