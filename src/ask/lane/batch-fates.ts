import {LimbeckError, TeacherError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Access, Detail, Query} from '../../teacher.ts';
import {receiptOf} from '../budget/receipt.ts';
import type {Bought} from '../calls.ts';
import {readReply} from '../keep/kept-reply.ts';
import {keyed} from '../keyed.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import type {LaneWork} from './lane-work.ts';

/** The query has no known outcome and can be asked: it should be submitted. */
export class UnaskedError extends LimbeckError {}

/** The outcome of a query in its last batch. */
export interface Fate {
  /** The number of the submission, from 1. */
  readonly attempt: number;
  /** Undefined if a reply came. */
  readonly error?: Error | undefined;
}

/** The outcomes of one asking's queries that are no answers, by key. */
export class BatchFates {
  readonly #fates = new Map<string, Fate>();
  readonly #ahead = new Set<string>();

  set(key: string, fate: Fate): void {
    this.#fates.set(key, fate);
  }

  get(key: string): Fate | undefined {
    return this.#fates.get(key);
  }

  /** The query does not go into a batch: it is asked singly, the next time that it is alone in a call. */
  sendAhead(key: string): void {
    this.#ahead.add(key);
  }

  /** True if the query goes ahead. A query goes ahead once. */
  takeAhead(key: string): boolean {
    return this.#ahead.delete(key);
  }
}

/**
 * A teacher that knows the outcomes of queries in batches, and asks nothing itself. The layer around it,
 * `withRecovery`, reads answers from the journal. Queries that reach this teacher have none.
 *
 * @param alone - asks a query that is sent ahead
 */
export function batchTeacher<A extends Access>(
  alone: LayeredTeacher<A>,
  work: LaneWork,
  fates: BatchFates,
): LayeredTeacher<A> {
  const ask = async (queries: readonly Query[], options: LayerOptions = {}): Promise<readonly Bought<A>[]> => {
    const {detail = withoutFeatures(alone.detail)} = options;
    const [first] = queries;
    if (queries.length === 1 && fates.takeAhead(keyed(alone, first!).key)) return alone.ask(queries, options);
    const unasked = {error: new UnaskedError('It was not asked about.')};
    return Promise.all(
      queries.map(query => {
        const {key} = keyed(alone, query);
        const fate = fates.get(key);
        return fate ? outcomeOf<A>(key, fate, work, detail) : unasked;
      }),
    );
  };
  return layerOver(alone, {ask});
}

/** As with single requests, an answer that can't be read is asked for once more, and then quarantined. */
async function outcomeOf<A extends Access>(
  key: string,
  {attempt, error}: Fate,
  {journal, service, teacher}: LaneWork,
  detail: Detail,
): Promise<Bought<A>> {
  if (error) return {error};
  const location = journal.received.get(key) ?? journal.recovered.replies.get(key);
  const read = location && (await readReply({replies: journal, service, location: location, detail}));
  const outcome = read?.outcomes.get(key);
  const problem =
    outcome && 'error' in outcome
      ? outcome.error
      : new TeacherError(teacher.name, 'Its reply can’t be read.', {unreadable: true});
  if (attempt === 1 && problem instanceof TeacherError && problem.unreadable) return {error: problem};
  return {error: problem, call: {location: location, receipt: read && receiptOf(service, read.reply), done: () => {}}};
}
