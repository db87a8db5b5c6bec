import {InputError, type TeacherError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Access, Detail, Exchange, Query, Reply, Teacher} from '../../teacher.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {type AnswerWatch, NoAnswerError, ProblemsMet, problemIn} from './problems.ts';

/** The default limit of requests before the first usable answer. */
export const FIRST_ANSWER_WITHIN = 20;

/** The result of a request: it brought an answer or a problem, or it doesn't count. */
export type Trial = 'answered' | 'uncounted' | {readonly problem: string};

/**
 * Waits for the first usable answer of a teacher in one run. Until then, the number of requests is limited, so that a
 * broken set-up costs little: a key of another project, a prompt that no answer fits, a model that gives no
 * log-probabilities. If it fills the service's prompt cache for all others, it is waited for by itself.
 */
export class FirstAnswer implements AnswerWatch {
  readonly #teacher: Pick<Teacher, 'name' | 'service'>;
  #within: number;
  #isThere = false;
  /** Requests that are under way. */
  #open = 0;
  #failed = 0;
  readonly #problems: ProblemsMet;
  #waiting: (() => void)[] = [];

  /** @throws InputError if `within` is no number of requests */
  constructor(teacher: Pick<Teacher, 'name' | 'service'>, within: number = FIRST_ANSWER_WITHIN) {
    if (within !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(within) && within > 0)) {
      throw new InputError(`Expected \`firstAnswerWithin\` to be a whole number above 0, or Infinity, got ${within}.`);
    }
    this.#teacher = teacher;
    this.#within = within;
    this.#problems = new ProblemsMet(teacher.name);
  }

  /** True if requests are no longer counted. */
  get isThere(): boolean {
    return this.#isThere || this.#within === Number.POSITIVE_INFINITY;
  }

  /** The error that stops the run: the limit of requests was reached, and none brought an answer. */
  get verdict(): TeacherError | undefined {
    return this.#failed < this.#within || this.isThere ? undefined : this.#error();
  }

  /**
   * Waits until a request can go out. If it could exceed the limit, or read the prompt cache before it is filled, it
   * waits for the results of the others.
   *
   * @returns true if it counts, and so must be settled
   * @throws TeacherError, the verdict
   */
  async enter(): Promise<boolean> {
    while (!this.isThere) {
      if (this.verdict) throw this.verdict;
      const isAlone = this.#teacher.service?.fillsPromptCache === true;
      if (this.#failed + this.#open < this.#within && !(isAlone && this.#open > 0)) {
        this.#open++;
        return true;
      }
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
    return false;
  }

  /** Records the result of a request that entered. */
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

  get answers(): number {
    return this.isThere ? 1 : 0;
  }

  allow(inputs: number): void {
    this.#within += inputs;
  }

  #error(): TeacherError {
    return new NoAnswerError(
      this.#teacher.name,
      `${this.#failed} ${this.#failed === 1 ? 'request' : 'requests'} brought not one usable answer, so no more are sent.${this.#problems.lines}\n` +
        'Mend what is wrong: `limbeck probe` shows it for a handful of requests. Then ask again, with ' +
        '`--retry-quarantined` about the same inputs too. `--keep-going` goes on without an answer.',
      this,
    );
  }
}

/**
 * Stops the run if the first requests bring no usable answer. A request that is refused for lack of capacity (429), or
 * not sent at all, does not count.
 *
 * It is next to the teacher, below `withCalls`: it counts each request of a call by itself.
 */
export function withFirstAnswer<A extends Access>(teacher: Teacher<A>, first: FirstAnswer): LayeredTeacher<A> {
  const {name, service} = teacher;
  if (service === undefined) return teacher;
  const problemOf = (error: unknown): Trial => ({problem: problemIn(error, name)});
  const trialOf = (reply: Reply, about: readonly Query[], detail: Detail): Trial => {
    if (reply.status === 429) return 'uncounted';
    if (reply.status !== 200) {
      const refusal = service.refusal?.(
        reply,
        about.map(({input}) => input),
      );
      return refusal ? problemOf(refusal) : {problem: `It answered ${reply.status}.`};
    }
    try {
      const questions = about.map(({question}) => question);
      const outcomes = service.read(reply, about.length, detail, questions);
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
        trial = trialOf(
          reply,
          rows.map(row => queries[row]!),
          detail,
        );
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
