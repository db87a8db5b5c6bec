import {digestQuery} from '../../store/stored-answer.ts';
import type {Access, Outcome, Query} from '../../teacher.ts';
import {askAll} from '../batches.ts';
import type {LayeredTeacher, LayerOptions} from '../layer.ts';
import {type AnswerWatch, NoAnswerError} from './problems.ts';

/** How many inputs from all over a set are asked about before a service counts as answering nothing. */
const WITNESSES = 4;

/** How many inputs are looked at to find them. An input that is quarantined costs nothing and proves nothing. */
const CANDIDATES = 16;

/** How many samples of an answered input are asked for to find one that is not kept. */
const SAMPLES = 4;

/** How many times the set is asked about without an outcome more than before. */
const IDLE_ROUNDS = 2;

/** Queries that can be asked about in any order. */
export interface QuerySet {
  readonly count: number;
  at(index: number): Query;
}

/** The options of a call about a set. */
export interface SetOptions extends Omit<LayerOptions, 'onSettled'> {
  /** Called with the number of queries that have an outcome. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/**
 * Asks about a set of queries. If the service seems to answer nothing, for example because the first batch holds
 * nothing but bad inputs, it asks about up to four queries from all over the set, one by one; about one that is answered
 * already, it asks for a further sample. If one is answered, the inputs are bad and not the request, and all queries are
 * asked about again. What is kept or quarantined by now costs nothing.
 */
export async function askSet<A extends Access>(
  teacher: LayeredTeacher<A>,
  set: QuerySet,
  {onProgress, ...options}: SetOptions,
): Promise<readonly Outcome<A>[]> {
  const witnesses = new Witnesses(teacher, set, options);
  let most = 0;
  let idle = 0;
  for (;;) {
    let done = 0;
    const onSettled = (count: number) => {
      done += count;
      if (done <= most) return;
      most = done;
      idle = 0;
      onProgress?.(done);
    };
    try {
      return await askAll(teacher, inOrder(set), {...options, onSettled});
    } catch (error) {
      if (!(error instanceof NoAnswerError) || idle++ === IDLE_ROUNDS) throw error;
      if (!(await witnesses.areAnswered(error.watch))) throw error;
    }
  }
}

/** Queries from elsewhere in a set. */
class Witnesses<A extends Access> {
  readonly #teacher: LayeredTeacher<A>;
  readonly #set: QuerySet;
  readonly #options: LayerOptions;
  /** The index of the last one that was answered. */
  #answered: number | undefined;

  constructor(teacher: LayeredTeacher<A>, set: QuerySet, options: LayerOptions) {
    this.#teacher = teacher;
    this.#set = set;
    this.#options = options;
  }

  /**
   * Asks until one is answered.
   *
   * @returns false if none is
   * @throws NoAnswerError that counts them too, if four are not answered
   */
  async areAnswered(watch: AnswerWatch): Promise<boolean> {
    const {answers} = watch;
    watch.allow(WITNESSES);
    for (const index of this.#candidates()) {
      const query = this.#set.at(index);
      if (watch.hasRefused?.(digestQuery(query).bytes)) continue;
      const {sample = 0} = query;
      let isKept = true;
      for (let further = 0; isKept && further < SAMPLES; further++) {
        const [outcome] = await askAll(this.#teacher, [{...query, sample: sample + further}], this.#options);
        if (watch.answers > answers) {
          this.#answered = index;
          return true;
        }
        isKept = 'answer' in outcome!;
      }
    }
    return false;
  }

  *#candidates(): Generator<number> {
    if (this.#answered !== undefined) yield this.#answered;
    let seen = 0;
    for (const index of spread(this.#set.count)) {
      if (seen++ === CANDIDATES) return;
      yield index;
    }
  }
}

function* inOrder({count, at}: QuerySet): Generator<Query> {
  for (let index = 0; index < count; index++) yield at(index);
}

/** The indices below a count: the first, the last, the middle, the middles of both halves, and so on. */
export function* spread(count: number): Generator<number> {
  if (count > 0) yield 0;
  if (count > 1) yield count - 1;
  const gaps: (readonly [number, number])[] = [[0, count - 1]];
  for (const [from, to] of gaps) {
    if (to - from < 2) continue;
    const middle = Math.floor((from + to) / 2);
    yield middle;
    gaps.push([from, middle], [middle, to]);
  }
}
