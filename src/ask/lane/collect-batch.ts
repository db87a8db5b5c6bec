import {LimbeckError, TeacherError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {BatchState} from '../../service-features.ts';
import {linesOf} from '../../store/journal/unfinished.ts';
import type {Access, Detail, Query, Reply} from '../../teacher.ts';
import {type Charge, costOf} from '../budget/price.ts';
import type {Bought} from '../calls.ts';
import {readReply} from '../keep/kept-reply.ts';
import {keyed, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {receiptOf, uncountedNote} from '../ledger.ts';
import {timer} from '../retry.ts';
import {type LaneWork, lanePrice, persistently} from './lane.ts';
import type {Funds, Submission} from './submit.ts';

/** How many failed polls, about one a minute, end the wait. */
const LOOKS = 60;

/** The poll interval of a batch in milliseconds: at first, and at most. */
const FIRST_WAIT = 2000;
const LONGEST_WAIT = 60_000;

/**
 * Waits until a batch has ended.
 *
 * @param looksOnce - true to poll once and not wait
 * @returns its progress: ended, unless it was polled only once
 */
export async function waitForEnd(
  work: LaneWork,
  batch: Submission,
  {stop, looksOnce}: {readonly stop?: AbortSignal | undefined; readonly looksOnce: boolean},
): Promise<BatchState> {
  const {lane, watch, sleep = timer} = work;
  const {name, id} = batch;
  const requests = linesOf(batch).size;
  try {
    for (let wait = FIRST_WAIT; ; wait = Math.min(LONGEST_WAIT, 1.5 * wait)) {
      const state = await persistently(() => lane.poll(id), work, {stop, sends: LOOKS});
      if (state.isEnded || looksOnce) return state;
      watch?.saw(name, requests, state.done);
      await sleep(wait, stop);
    }
  } catch (error) {
    throw isGone(error) ? goneError(work, batch, error) : error;
  } finally {
    watch?.left(name);
  }
}

function isGone(error: unknown): error is TeacherError {
  return error instanceof TeacherError && (error.status === 404 || error.status === 410);
}

function goneError({teacher, journal}: LaneWork, batch: Submission, cause: TeacherError): TeacherError {
  const {id, keys, plannedAt} = batch;
  return new TeacherError(
    teacher.name,
    `It has no batch ${id}, submitted at ${plannedAt}, or not for this key. Give the key of that time. If the batch is ` +
      `lost, delete ${journal.batches.pathOf(batch)}: its ${keys.length} queries are asked about again then.`,
    {cause},
  );
}

/** Cancels a batch, unless it has ended. Its finished requests still have to be collected. */
export async function cancelBatch(work: LaneWork, batch: Submission): Promise<void> {
  const {isEnded} = await waitForEnd(work, batch, {looksOnce: true});
  if (!isEnded) await persistently(() => work.lane.cancel(batch.id), work);
}

/** The outcomes of a batch's requests. */
export interface Collected {
  /** By key, why a query has no reply. Queries with a reply are absent. */
  readonly errors: ReadonlyMap<string, Error>;
  /** True if it was another batch: nothing in it was asked for. */
  readonly isForeign: boolean;
}

/**
 * Gets the results of a batch that has ended. Before the promise resolves, every reply is in the journal, to be read.
 *
 * @param failure - why the service did nothing of the batch
 */
export async function collectBatch(
  work: LaneWork,
  batch: Submission,
  {failure}: Pick<BatchState, 'failure'>,
  {funds, stop}: {readonly funds?: Funds | undefined; readonly stop?: AbortSignal | undefined} = {},
): Promise<Collected> {
  const {lane, journal, teacher} = work;
  const {id} = batch;
  const lines = linesOf(batch);
  const open = new Set(lines.keys());
  const errors = new Map<string, Error>();
  let isForeign = false;
  if (failure === undefined) {
    // After a broken connection, results that came before are not taken twice.
    const take = async () => {
      for await (const result of lane.collect(id)) {
        if (!open.has(result.id)) {
          isForeign = open.size === lines.size;
          continue;
        }
        isForeign = false;
        const {keys, headers} = lines.get(result.id)!;
        if ('reply' in result) {
          try {
            // An earlier run kept this reply and ended before it had collected the batch.
            if (!keys.some(key => journal.recovered.replies.has(key))) {
              await journal.receive(keys, headers ? withHeaders(result.reply, headers) : result.reply);
            }
          } finally {
            settleReply(work, result.id, result.reply, funds);
          }
        } else {
          for (const key of keys) errors.set(key, result.error);
          funds?.settle(result.id, REFUSED);
        }
        open.delete(result.id);
      }
    };
    await persistently(take, work, {stop}).catch((error: unknown) => {
      throw isGone(error) ? goneError(work, batch, error) : error;
    });
  }
  const unanswered =
    failure ?? new TeacherError(teacher.name, `Batch ${id} ended without a reply to it.`, {retryable: true});
  for (const line of open) {
    for (const key of lines.get(line)!.keys) errors.set(key, unanswered);
    if (!isForeign) funds?.settle(line, REFUSED);
  }
  return {errors, isForeign};
}

function withHeaders({status, headers, body}: Reply, more: Reply['headers']): Reply {
  return {status, headers: {...headers, ...more}, body};
}

/** A request without an answer costs no tokens. */
const REFUSED: Charge = {calls: 1};

/** Accounts for the reply to a line. Nothing is reserved for a batch that an earlier run submitted. */
function settleReply(work: LaneWork, line: string, reply: Reply, funds: Funds | undefined): void {
  const {service, lane, ledger, teacher, onNote, room} = work;
  const receipt = receiptOf(service, reply);
  const most = funds?.worstUsage(line);
  room.counted(most, receipt.usage);
  const {usage = most} = receipt;
  if (service.worstCase && receipt.usage === undefined) onNote?.(uncountedNote(teacher));
  const charge = {calls: 1, usage};
  const price = lanePrice(service, lane);
  ledger?.add({...usage, usd: price && costOf(price, charge)});
  funds?.settle(line, charge);
}

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

  /** Forgets queries that have their answers. */
  forget(keys: readonly string[]): void {
    for (const key of keys) this.#fates.delete(key);
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
        return fate ? outcomeOf<A>(query, key, fate, {work, detail}) : unasked;
      }),
    );
  };
  return layerOver(alone, {ask});
}

/** As with single requests, an answer that can't be read is asked for once more, and then quarantined. */
async function outcomeOf<A extends Access>(
  query: Query,
  key: string,
  {attempt, error}: Fate,
  {work: {journal, service, teacher}, detail}: {readonly work: LaneWork; readonly detail: Detail},
): Promise<Bought<A>> {
  if (error) return {error};
  const location = journal.received.get(key) ?? journal.recovered.replies.get(key);
  const read =
    location && (await readReply({replies: journal, service, location, detail, queries: new Map([[key, query]])}));
  const outcome = read?.outcomes.get(key);
  const problem =
    outcome && 'error' in outcome
      ? outcome.error
      : new TeacherError(teacher.name, 'Its reply can’t be read.', {unreadable: true});
  if (attempt === 1 && problem instanceof TeacherError && problem.unreadable) return {error: problem};
  return {error: problem, call: {location: location, receipt: read && receiptOf(service, read.reply), done: () => {}}};
}
