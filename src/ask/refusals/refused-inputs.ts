import {BudgetError, TeacherError} from '../../errors.ts';
import {areInseparable} from '../../questions.ts';
import type {Access, Exchange, Outcome, Query, Reply, Teacher} from '../../teacher.ts';
import {keyed, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {spread} from './ask-set.ts';
import {problemIn} from './problems.ts';
import type {Refusals} from './refusals.ts';

/** Statuses of refusals that do not concern the request: the key, the address, the pace. */
const OTHER_REFUSALS = [401, 402, 403, 404, 408, 409, 429];

/**
 * Makes a refusal the error of its input, and stops the run if the service refuses every request. The outcomes of other
 * inputs tell which of the two it is. Until one is answered, or earlier answers are found, few requests are under way,
 * and the inputs of a refused batch are asked about one by one. After that, a refused batch is halved until each
 * refused input is alone: k of n inputs cost at most about 2k · log2(n) further requests, and n of n about n + log2(n).
 *
 * A teacher gives all queries of a refused request the same error, with `refusal`. It need not split the request.
 * Questions that can only be asked together count as one input.
 *
 * It is next to the teacher, below the layers that count and keep its requests.
 */
export function withRefusedInputs<A extends Access>(teacher: Teacher<A>, refusals: Refusals): LayeredTeacher<A> {
  if (teacher.service === undefined) return teacher;
  const trial = new Trial(teacher, refusals);
  return layerOver(teacher, {
    ask: (queries, options = {}) =>
      refusals.works ? askApart(teacher, queries, options) : trial.ask(queries, options),
  });
}

/** Asks. If one refusal is that of several queries, asks about each half of them. */
async function askApart<A extends Access>(
  teacher: Teacher<A>,
  queries: readonly Query[],
  options: LayerOptions,
): Promise<readonly Outcome<A>[]> {
  const outcomes = [...(await asOutcomes(teacher, queries, options))];
  const halving = new Halving(teacher, {queries, options, outcomes});
  for (const rows of refusedTogether(outcomes, queries)) await halving.run(rows);
  return outcomes;
}

/** So many inputs in a row that are refused alone let expect that the next one is, too. */
const EXPECTED_AFTER = 2;

interface Asked<A extends Access> {
  readonly queries: readonly Query[];
  readonly options: LayerOptions;
  /** Takes the outcomes, at the indices of their queries. */
  readonly outcomes: Outcome<A>[];
}

/** Finds the refused inputs of a batch. */
class Halving<A extends Access> {
  readonly #teacher: Teacher<A>;
  readonly #asked: Asked<A>;
  /** Inputs that were refused alone, in a row. */
  #alone = 0;

  constructor(teacher: Teacher<A>, asked: Asked<A>) {
    this.#teacher = teacher;
    this.#asked = asked;
  }

  /** @param rows - those of a request that was refused */
  async run(rows: readonly number[]): Promise<void> {
    const middle = Math.ceil(rows.length / 2);
    for (const half of [rows.slice(0, middle), rows.slice(middle)]) {
      const left = await this.#oneByOne(half);
      if (left.length === 0) continue;
      for (const together of await this.#ask(left)) await this.run(together);
    }
  }

  /** While a refusal of the next input is to be expected, asks about it alone. Returns the other rows. */
  async #oneByOne(rows: readonly number[]): Promise<readonly number[]> {
    let left = rows;
    while (left.length > 0 && this.#alone >= EXPECTED_AFTER) {
      let count = 1;
      while (count < left.length && areInseparable(this.#queriesAt(left.slice(0, count + 1)))) count++;
      await this.#ask(left.slice(0, count));
      left = left.slice(count);
    }
    return left;
  }

  /** Asks in one call. Returns the rows of each refusal of several inputs. */
  async #ask(rows: readonly number[]): Promise<readonly (readonly number[])[]> {
    const {options, outcomes} = this.#asked;
    const queries = this.#queriesAt(rows);
    // The answers to other rows are kept, whatever happens to these.
    const part = await asOutcomes(this.#teacher, queries, partOf(rows, options)).catch(asErrorOf(queries));
    for (const [index, row] of rows.entries()) outcomes[row] = part[index]!;
    const together = refusedTogether(part, queries);
    const isRefused = part.every(outcome => 'error' in outcome && isOfInputs(outcome.error));
    if (!isRefused) this.#alone = 0;
    else if (together.length === 0) this.#alone++;
    return together.map(some => some.map(index => rows[index]!));
  }

  #queriesAt(rows: readonly number[]): readonly Query[] {
    return rows.map(row => this.#asked.queries[row]!);
  }
}

/** Makes a failed request, or one that the budget does not cover, the error of its queries. */
export function asErrorOf(queries: readonly Query[]): (error: unknown) => readonly {readonly error: Error}[] {
  return error => {
    if (!(error instanceof TeacherError || error instanceof BudgetError)) throw error;
    return queries.map(() => ({error}));
  };
}

/** Asks a teacher whose service is not yet known to answer such requests. */
class Trial<A extends Access> {
  readonly #teacher: Teacher<A>;
  readonly #refusals: Refusals;

  constructor(teacher: Teacher<A>, refusals: Refusals) {
    this.#teacher = teacher;
    this.#refusals = refusals;
  }

  async ask(queries: readonly Query[], options: LayerOptions): Promise<readonly Outcome<A>[]> {
    if (areInseparable(queries)) return this.#askAlone(queries, options);
    const {exchange, settle} = this.#exchange(options);
    const outcomes = [...(await asOutcomes(this.#teacher, queries, {...options, exchange}).finally(settle))];
    const together = new Set(refusedTogether(outcomes, queries).flat());
    const rows = outcomes.flatMap((outcome, row) => (isUnclear(outcome) || together.has(row) ? row : []));
    if (rows.length > 0) await this.#refusals.lookBack();
    const open = new Set(rows);
    await this.#refusals.inTurn(async () => {
      // Neighbours can be alike.
      for (const index of spread(rows.length)) {
        if (this.#refusals.works) return;
        const row = rows[index]!;
        open.delete(row);
        const [outcome] = await this.#askAlone([queries[row]!], partOf([row], options));
        outcomes[row] = outcome!;
      }
    });
    const others = [...open];
    if (others.length === 0) return outcomes;
    const left = others.map(row => queries[row]!);
    const asked = await askApart(this.#teacher, left, partOf(others, options));
    for (const [index, row] of others.entries()) outcomes[row] = asked[index]!;
    return outcomes;
  }

  /** @param queries - one, or several that can only be asked together */
  async #askAlone(queries: readonly Query[], options: LayerOptions): Promise<readonly Outcome<A>[]> {
    const {exchange, settle} = this.#exchange(options, queries.length);
    try {
      const outcomes = await asOutcomes(this.#teacher, queries, {...options, exchange});
      const [outcome] = outcomes;
      if (!isUnclear(outcome!)) return outcomes;
      const {error} = outcome as {readonly error: TeacherError};
      await this.#refusals.refused(keyed(this.#teacher, queries[0]!).digest.bytes, error);
      const either = this.#refusals.works ? error : this.#eitherWay(error);
      return queries.map(() => ({error: either}));
    } finally {
      settle();
    }
  }

  /**
   * For one call. After a refusal nothing more of the call goes out: neither smaller parts, nor waiting requests.
   *
   * @param alone - the most queries of a request about one input
   */
  #exchange({exchange = (_, send) => send()}: LayerOptions, alone = 1) {
    const refusals = this.#refusals;
    let refused = 0;
    const tried: Exchange = async (rows, send) => {
      const isBatch = rows.length > alone;
      const isHeld = () => refused > 0 || (isBatch && refusals.hasRefusedBatch);
      if (!(await refusals.enter(isBatch ? rows.length : 1, isHeld))) throw this.#heldBack();
      let reply: Reply | undefined;
      try {
        reply = await exchange(rows, send);
      } finally {
        // A refused request counts as under way until the reason is known.
        if (reply && isRefusal(reply)) refused++;
        else refusals.leave();
      }
      if (reply.status === 200) refusals.answered();
      else if (isRefusal(reply) && isBatch) refusals.hasRefusedBatch = true;
      return reply;
    };
    const settle = () => {
      for (; refused > 0; refused--) refusals.leave();
    };
    return {exchange: tried, settle};
  }

  #heldBack(): TeacherError {
    return new TeacherError(this.#teacher.name, 'It refused other inputs of the same call.', {refusal: 'unclear'});
  }

  #eitherWay(error: TeacherError): TeacherError {
    const {name} = this.#teacher;
    const {status} = error;
    return new TeacherError(
      name,
      `${problemIn(error, name)} It had answered nothing before: it may refuse this input alone or, if it answers no other ` +
        'either, every request, for the model or a parameter.',
      {cause: error, refusal: 'unclear', status},
    );
  }
}

/** Asks. A refusal of the whole call becomes that of each query. */
async function asOutcomes<A extends Access>(
  teacher: Teacher<A>,
  queries: readonly Query[],
  options: LayerOptions,
): Promise<readonly Outcome<A>[]> {
  try {
    return await teacher.ask(queries, options);
  } catch (error) {
    if (!isOfInputs(error)) throw error;
    return queries.map(() => ({error}));
  }
}

function isRefusal({status}: Reply): boolean {
  return status >= 400 && status < 500 && !OTHER_REFUSALS.includes(status);
}

function isOfInputs(error: unknown): error is TeacherError {
  return error instanceof TeacherError && error.refusal !== undefined;
}

/** The rows of each refusal of several inputs, which does not say which of them it concerns. */
function refusedTogether(outcomes: readonly Outcome[], queries: readonly Query[]): readonly (readonly number[])[] {
  const rows = new Map<Error, number[]>();
  for (const [row, outcome] of outcomes.entries()) {
    if (!('error' in outcome && isOfInputs(outcome.error))) continue;
    rows.set(outcome.error, [...(rows.get(outcome.error) ?? []), row]);
  }
  return [...rows.values()].filter(together => !areInseparable(together.map(row => queries[row]!)));
}

function isUnclear(outcome: Outcome): boolean {
  return 'error' in outcome && isOfInputs(outcome.error) && outcome.error.refusal === 'unclear';
}

/** The options for a call about some of a call's queries. */
function partOf(rows: readonly number[], options: LayerOptions): LayerOptions {
  const {exchange} = options;
  return exchange
    ? {
        ...options,
        exchange: (some, send) =>
          exchange(
            some.map(row => rows[row]!),
            send,
          ),
      }
    : options;
}
