import {TeacherError} from '../../errors.ts';
import type {Access, Outcome, Query} from '../../teacher.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {ATTEMPTS, type RetryOptions, withRetry} from '../retry.ts';
import {problemIn} from './problems.ts';
import type {Refusals} from './refusals.ts';
import {asErrorOf} from './refused-inputs.ts';

interface FailedInputsOptions extends RetryOptions {
  readonly refusals: Refusals;
}

/**
 * Retries, and then finds the inputs that make a service fail: some services answer 500 if they can't parse a value.
 * When all attempts have ended with a status of 500 or above, the batch is halved, as a refused one is, one batch at a
 * time. Each input that is left is asked about once more, alone. If the service fails again, and has answered others
 * since the last attempt, it counts as refusing the input. An input that was alone from the start gets all attempts again.
 *
 * k such inputs of a batch of n cost at most about 2k · log2(n) + k further requests. If the service is down, `Refusals`
 * ends the search: after 16 such requests in a row without an answer, or after 4 if it has never answered.
 */
export function withFailedInputs<A extends Access>(
  teacher: LayeredTeacher<A>,
  {refusals, ...retry}: FailedInputsOptions,
): LayeredTeacher<A> {
  const patient = withRetry(teacher, retry);
  if (teacher.service === undefined) return patient;
  const once: Asked<A> = {teacher: withRetry(teacher, {...retry, attempts: 1}), attempts: 1};
  const often: Asked<A> = {teacher: patient, attempts: retry.attempts ?? ATTEMPTS};
  const ask = async (queries: readonly Query[], options: LayerOptions = {}) => {
    const {answers} = refusals;
    let thrown: unknown;
    const outcomes = await patient.ask(queries, options).catch((error: unknown) => {
      if (!isFailure(error)) throw error;
      thrown = error;
      return queries.map(() => ({error}));
    });
    if (outcomes.some(isAnswer)) refusals.answered();
    const failed = [...outcomes.keys()].filter(row => hasFailed(outcomes[row]!));
    if (failed.length === 0) return outcomes;
    const search = new Search({once, refusals, queries, options}, outcomes);
    // If nothing else was answered meanwhile, a request about one input tells nothing.
    if (failed.length > 1 || refusals.answers > answers) {
      await refusals.lookBack();
      await refusals.searchInTurn(() => search.run(failed, failed.length > 1 ? once : often));
    }
    if (thrown !== undefined && !search.hasFound) throw thrown;
    return search.outcomes;
  };
  return layerOver(teacher, {ask});
}

/** A teacher, and how many attempts a request of it takes. */
interface Asked<A extends Access> {
  readonly teacher: LayeredTeacher<A>;
  readonly attempts: number;
}

interface SearchOptions<A extends Access> {
  readonly once: Asked<A>;
  readonly refusals: Refusals;
  readonly queries: readonly Query[];
  readonly options: LayerOptions;
}

/** Looks for the inputs of one batch that make the service fail. */
class Search<A extends Access> {
  readonly outcomes: Outcome<A>[];
  readonly #search: SearchOptions<A>;
  /** `Refusals.answers` when the last attempt had failed. */
  readonly #answers: number;
  /** Rows that failed alone. */
  readonly #alone: number[] = [];
  /** True if an input was answered, or makes the service fail. */
  hasFound = false;

  constructor(search: SearchOptions<A>, outcomes: readonly Outcome<A>[]) {
    this.#search = search;
    this.#answers = search.refusals.answers;
    this.outcomes = [...outcomes];
  }

  /** @param last - is asked about each row that is left */
  async run(failed: readonly number[], last: Asked<A>): Promise<void> {
    await this.#halve(failed);
    for (const row of this.#alone) {
      const isFailing = (await this.#failing([row], last)).length > 0;
      // Without another answer nothing tells whether the input or the service fails.
      if (!isFailing || this.#search.refusals.answers === this.#answers) continue;
      const {error} = this.outcomes[row] as {readonly error: TeacherError};
      this.outcomes[row] = {error: causeOf(error, last.teacher)};
      this.hasFound = true;
    }
  }

  /** Asks about both halves of the rows, and then about the halves of those that fail. */
  async #halve(rows: readonly number[]): Promise<void> {
    if (rows.length === 1) {
      this.#alone.push(rows[0]!);
      return;
    }
    const middle = Math.ceil(rows.length / 2);
    const left = await this.#failing(rows.slice(0, middle));
    const right = await this.#failing(rows.slice(middle));
    for (const half of [left, right]) if (half.length > 0) await this.#halve(half);
  }

  /** Asks about some rows, and returns those that fail; none if no more may be asked about. */
  async #failing(rows: readonly number[], {teacher, attempts} = this.#search.once): Promise<readonly number[]> {
    const {refusals, queries, options} = this.#search;
    if (!refusals.maySearch(attempts)) return [];
    const asked = rows.map(row => queries[row]!);
    const part = await teacher.ask(asked, {...options, isAgain: true}).catch(asErrorOf(asked));
    for (const [index, row] of rows.entries()) this.outcomes[row] = part[index]!;
    const failing = rows.filter((_, index) => hasFailed(part[index]!));
    if (part.some(isAnswer)) {
      this.hasFound = true;
      refusals.answered();
    } else if (failing.length > 0) refusals.searchFailed(attempts);
    return failing;
  }
}

function causeOf(error: TeacherError, {name}: LayeredTeacher): TeacherError {
  const {status} = error;
  const problem = `${problemIn(error, name)} It answers other inputs, so that this one makes it fail.`;
  return new TeacherError(name, problem, {cause: error, refusal: 'of-input', status});
}

function isAnswer(outcome: Outcome): boolean {
  return 'answer' in outcome;
}

function hasFailed(outcome: Outcome): outcome is {readonly error: TeacherError} {
  return 'error' in outcome && isFailure(outcome.error);
}

/** A service that says when to ask again is overloaded. */
function isFailure(error: unknown): error is TeacherError {
  return (
    error instanceof TeacherError && error.retryable && (error.status ?? 0) >= 500 && error.retryAfter === undefined
  );
}
