import {TeacherError} from '../../errors.ts';

/** What ends a run that brings no answers. */
export interface AnswerWatch {
  /** It grows when an input is answered. */
  readonly answers: number;
  /** True if this input was asked about without an answer. */
  hasRefused?(input: string): boolean;
  /** Allows this many further inputs without an answer before it ends the run again. */
  allow(inputs: number): void;
}

/** A service seems to answer nothing, as far as the inputs that were asked about tell. */
export class NoAnswerError extends TeacherError {
  readonly watch: AnswerWatch;

  constructor(teacher: string, problem: string, watch: AnswerWatch) {
    super(teacher, problem);
    this.watch = watch;
  }
}

/** How many different problems a message names. */
const NAMED = 3;

/** The problems of a run, and how often each occurred. */
export class ProblemsMet {
  readonly #teacher: string;
  /** By the problem without what differs between requests: numbers and ids. */
  readonly #met = new Map<string, {readonly problem: string; readonly times: number}>();

  /** @param teacher - its name, which is left out of each problem */
  constructor(teacher: string) {
    this.#teacher = teacher;
  }

  add(error: unknown): void {
    const problem = problemIn(error, this.#teacher);
    const kind = problem.replace(/[\w-]*\d[\w-]*/g, '#');
    const known = this.#met.get(kind) ?? {problem, times: 0};
    this.#met.set(kind, {...known, times: known.times + 1});
  }

  /** A line each, the most frequent first. */
  get lines(): string {
    const byCount = [...this.#met.values()].sort((one, other) => other.times - one.times);
    const named = byCount
      .slice(0, NAMED)
      .map(({problem, times}) => `\n  ${times === 1 ? 'once' : `${times} times`}: ${problem}`);
    if (byCount.length > named.length) named.push(`\n  and ${byCount.length - named.length} other problems.`);
    return named.join('');
  }
}

/** The message of an error, without the teacher's name. */
export function problemIn(error: unknown, teacher: string): string {
  const problem = error instanceof Error ? error.message : String(error);
  return problem.replace(`Teacher ${teacher}: `, '');
}
