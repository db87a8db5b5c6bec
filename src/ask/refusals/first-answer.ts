import {InputError, TeacherError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Access, Detail, Exchange, Query, Reply, Teacher} from '../../teacher.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {ProblemsMet, problemIn} from './refusals.ts';

/** How many requests may go out before the first usable answer, where nothing else is said. */
export const FIRST_ANSWER_WITHIN = 20;

/** What became of a request: it brought an answer, or a problem; or it doesn't count. */
export type Trial = 'answered' | 'uncounted' | {readonly problem: string};

/**
 * Waits for the first usable answer of a teacher in one run. Until it is there, no more requests go out than a broken
 * set-up may cost: a key of another project, a prompt that no answer fits, a model that gives no log-probabilities.
 */
export class FirstAnswer {
  readonly #teacher: Pick<Teacher, 'name'>;
  readonly #within: number;
  #isThere = false;
  /** Requests that are on their way. */
  #open = 0;
  #failed = 0;
  readonly #problems: ProblemsMet;
  #waiting: (() => void)[] = [];

  /** @throws InputError where `within` is no number of requests */
  constructor(teacher: Pick<Teacher, 'name'>, within: number = FIRST_ANSWER_WITHIN) {
    if (within !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(within) && within > 0)) {
      throw new InputError(`Expected \`firstAnswerWithin\` to be a whole number above 0, or Infinity, got ${within}.`);
    }
    this.#teacher = teacher;
    this.#within = within;
    this.#problems = new ProblemsMet(teacher.name);
  }

  /** Whether nothing is to be counted any more. */
  get isThere(): boolean {
    return this.#isThere || this.#within === Number.POSITIVE_INFINITY;
  }

  /** What stops the run: so many requests went out, and none brought an answer. */
  get verdict(): TeacherError | undefined {
    return this.#failed < this.#within || this.isThere ? undefined : this.#error();
  }

  /**
   * Waits until a request may go out: where it could be one too many, for what others bring.
   *
   * @returns whether it counts, and so is to be settled
   * @throws TeacherError, the verdict
   */
  async enter(): Promise<boolean> {
    while (!this.isThere) {
      if (this.verdict) throw this.verdict;
      if (this.#failed + this.#open < this.#within) {
        this.#open++;
        return true;
      }
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
    return false;
  }

  /** Says what became of a request that entered. */
  settle(trial: Trial): void {
    this.#open--;
    if (trial === 'answered') this.#isThere = true;
    else if (trial !== 'uncounted') {
      this.#failed++;
      this.#problems.add(trial.problem);
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #error(): TeacherError {
    return new TeacherError(
      this.#teacher.name,
      `${this.#failed} ${this.#failed === 1 ? 'request' : 'requests'} brought not one usable answer, so no more are sent.${this.#problems.lines}\n` +
        'Mend what is wrong: `limbeck probe` shows it for a handful of requests. Then ask again, with ' +
        '`--retry-quarantined` about the same inputs too. `--keep-going` goes on without an answer.',
    );
  }
}

/**
 * Stops the run where the first requests bring no usable answer. What is refused for want of capacity (429), or not sent
 * at all, does not count.
 *
 * Stands next to the teacher, below `withCalls`: it counts each request of a call by itself.
 */
export function withFirstAnswer<A extends Access>(teacher: Teacher<A>, first: FirstAnswer): LayeredTeacher<A> {
  const {name, service} = teacher;
  if (service === undefined) return teacher;
  const problemOf = (error: unknown): Trial => ({problem: problemIn(error, name)});
  const trialOf = (reply: Reply, count: number, detail: Detail): Trial => {
    if (reply.status === 429) return 'uncounted';
    if (reply.status !== 200) return {problem: `It answered ${reply.status}.`};
    try {
      const outcomes = service.read(reply, count, detail);
      if (outcomes.some(outcome => 'answer' in outcome)) return 'answered';
      const failed = outcomes.find(outcome => 'error' in outcome);
      return failed ? problemOf(failed.error) : {problem: 'Its reply holds no answer.'};
    } catch (error) {
      return problemOf(error);
    }
  };
  const askCounted = async (queries: readonly Query[], options: LayerOptions) => {
    const {exchange = (_, send) => send(), detail = withoutFeatures(teacher.detail)} = options;
    const counted: Exchange = async (rows, send) => {
      if (!(await first.enter())) return exchange(rows, send);
      let trial: Trial = 'uncounted';
      try {
        const reply = await exchange(rows, async () => {
          trial = {problem: 'No reply came.'};
          return send();
        });
        trial = trialOf(reply, rows.length, detail);
        return reply;
      } catch (error) {
        if (trial !== 'uncounted') trial = problemOf(error);
        throw error;
      } finally {
        first.settle(trial);
      }
    };
    const outcomes = await teacher.ask(queries, {...options, exchange: counted});
    // An adapter may have made it the error of some queries.
    if (first.verdict) throw first.verdict;
    return outcomes;
  };
  return layerOver(teacher, {
    ask: (queries, options = {}) => (first.isThere ? teacher.ask(queries, options) : askCounted(queries, options)),
  });
}
