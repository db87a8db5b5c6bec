import {LimbeckError, TeacherError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Access, Detail, Query} from '../../teacher.ts';
import {receiptOf} from '../budget/receipt.ts';
import type {Bought} from '../calls.ts';
import {readReply} from '../keep/kept-reply.ts';
import {keyed} from '../keyed.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import type {LaneWork} from './lane-work.ts';

/** Nothing is known of the query, nor does anything speak against asking: it is to be handed over. */
export class UnaskedError extends LimbeckError {}

/** What became of a query in the batch that it was last in. */
export interface Fate {
  /** Which handing-over it was, from 1 on. */
  readonly attempt: number;
  /** Undefined where a reply came. */
  readonly error?: Error | undefined;
}

/** What became of the queries of one asking, by key, where it is not an answer. */
export class BatchFates {
  readonly #fates = new Map<string, Fate>();
  readonly #ahead = new Set<string>();

  set(key: string, fate: Fate): void {
    this.#fates.set(key, fate);
  }

  get(key: string): Fate | undefined {
    return this.#fates.get(key);
  }

  /** The query does not go into a batch: it is asked by itself, the next time that it is alone in a call. */
  sendAhead(key: string): void {
    this.#ahead.add(key);
  }

  /** Whether the query goes ahead, which it does once. */
  takeAhead(key: string): boolean {
    return this.#ahead.delete(key);
  }
}

/**
 * A teacher that knows what became of queries in batches, and asks nothing itself. Answers are read from the journal by
 * the layer around it, `withRecovery`; what gets through to here has none.
 *
 * @param alone - what asks a query that is sent ahead
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

/** As with requests one by one, an answer that can't be read is asked for once more, and then quarantined. */
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
