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
