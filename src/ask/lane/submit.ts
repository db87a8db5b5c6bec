import {randomUUID} from 'node:crypto';
import {existsSync} from 'node:fs';
import {type BudgetError, TeacherError} from '../../errors.ts';
import type {LostBatch} from '../../service-features.ts';
import {type BatchRecord, linesOf} from '../../store/journal/unfinished.ts';
import type {Usage} from '../../teacher.ts';
import type {Reservation} from '../budget/budget.ts';
import type {Charge} from '../budget/price.ts';
import {timer} from '../retry.ts';
import {type LaneWork, persistently} from './lane.ts';
import {isForWantOfRoom, type LaneLine} from './lane-queries.ts';

/** A batch that the service has. */
export type Submission = BatchRecord & {readonly id: string};

interface SubmitOptions {
  /** The number of this submission of these queries, from 1. */
  readonly attempt: number;
  /** Settled if the submission fails: at the worst case if the service may have the batch, else as never sent. */
  readonly funds: Funds;
  readonly stop: AbortSignal;
}

/**
 * Submits queries in one batch. The batch is recorded first, so that it can be found again wherever the process ends.
 *
 * @throws TeacherError if the service doesn't take it; the batch is forgotten, unless the service may have it
 */
export async function submitBatch(
  work: LaneWork,
  lines: readonly LaneLine[],
  {attempt, funds, stop}: SubmitOptions,
): Promise<Submission> {
  const {teacher, ledger, journal} = work;
  const keys = lines.flatMap(line => line.keys);
  const packs = lines.some(({headers}) => headers) && {lines: lines.map(({keys, headers}) => ({keys, headers}))};
  const record: BatchRecord = {
    ...{format: 1, name: `limbeck-${randomUUID()}`, teacher: teacher.name, plannedAt: new Date().toISOString()},
    ...{attempt, keys, ...packs},
  };
  try {
    stop.throwIfAborted();
    await journal.batches.write(record);
    // Replies that could not be read no longer belong to these queries.
    const unread = keys.filter(key => journal.recovered.replies.has(key));
    if (unread.length > 0) journal.settled(unread);
    const known = {...record, id: await submit(work, record, lines, stop)};
    await journal.batches.write(known);
    ledger?.add({calls: lines.length});
    return known;
  } catch (error) {
    const mayBeThere = existsSync(journal.batches.pathOf(record));
    funds.settleRest(mayBeThere ? 'worst case' : 'not sent');
    throw error;
  }
}

/** Sends a batch. If the service does not take it, its record goes, unless the service may have it all the same. */
async function submit(
  work: LaneWork,
  record: BatchRecord,
  lines: readonly LaneLine[],
  stop: AbortSignal,
): Promise<string> {
  const {lane, journal} = work;
  let mayBeThere = false;
  let refusals = 0;
  const recover = async (error: unknown) => {
    // The upload is large, and room comes only when another batch ends.
    if (isForWantOfRoom(error) && ++refusals === MOST_REFUSALS) throw error;
    if (!isHeard(error)) return undefined;
    mayBeThere = true;
    return lane.find(lostBatch(work, record));
  };
  try {
    const texts = lines.map(line => line.text());
    return await persistently(() => lane.submit({name: record.name, lines: texts}), work, {stop, recover});
  } catch (error) {
    if (!mayBeThere) journal.batches.remove(record);
    // Its queries will be submitted in other batches.
    const found = mayBeThere && isForWantOfRoom(error) ? await findLost(work, record, stop) : undefined;
    if (found === undefined) throw error;
    return found.id;
  }
}

/** How often a batch is sent if the service refuses it for its limits, which can be those of requests a minute. */
const MOST_REFUSALS = 3;

/** The record of a batch whose id turned out to be that of another batch. */
export function withoutId({id: _, ...record}: BatchRecord): BatchRecord {
  return record;
}

/** A batch that an earlier run left without an id; undefined if the service never got it. */
export async function findLost(
  work: LaneWork,
  record: BatchRecord,
  stop?: AbortSignal,
): Promise<Submission | undefined> {
  const {lane, journal, sleep = timer} = work;
  if (record.id !== undefined) return {...record, id: record.id};
  const look = () => persistently(async () => ({id: await lane.find(lostBatch(work, record))}), work, {stop});
  let {id} = await look();
  // A batch that was submitted a moment ago may not be listed yet.
  if (id === undefined && Date.now() - Date.parse(record.plannedAt) < LISTED_WITHIN) {
    await sleep(LISTED_WITHIN, stop);
    ({id} = await look());
  }
  if (id === undefined) {
    journal.batches.remove(record);
    return undefined;
  }
  const known = {...record, id};
  await journal.batches.write(known);
  return known;
}

/** Milliseconds after which a service lists a batch that it has. */
const LISTED_WITHIN = 10_000;

function lostBatch({journal}: LaneWork, {name, plannedAt, ...record}: BatchRecord): LostBatch {
  const others = new Set(journal.batches.all().flatMap(({id}) => id ?? []));
  return {name, ids: new Set(linesOf(record).keys()), since: new Date(plannedAt), others};
}

/** True if the service may have taken a batch, though it did not confirm it. */
function isHeard(error: unknown): boolean {
  return error instanceof TeacherError && (error.inDoubt || (error.status ?? 0) >= 500);
}

/** The reservation for one request of a batch. */
interface Reserved {
  readonly worst: Charge;
  readonly reservation: Reservation | undefined;
}

/** The reservations for a batch, by the ids of its lines. */
export class Funds {
  readonly #open: Map<string, Reserved>;

  constructor(reserved: Iterable<readonly [string, Reserved]> = []) {
    this.#open = new Map(reserved);
  }

  /**
   * The most tokens that the request of a line can use; undefined if tokens aren't counted, or the request is settled.
   */
  worstUsage(key: string): Usage | undefined {
    return this.#open.get(key)?.worst.usage;
  }

  /** Settles one request. A second call changes nothing, because a request has one outcome. */
  settle(key: string, actual: Charge): void {
    this.#open.get(key)?.reservation?.settle(actual);
    this.#open.delete(key);
  }

  /** Settles all that is left: as never sent, or at the worst case. */
  settleRest(as: 'not sent' | 'worst case'): void {
    for (const [key, {worst}] of [...this.#open]) this.settle(key, as === 'worst case' ? worst : {calls: 0});
  }
}

/** How many of some lines the budget covers, from the first on, and why not all. */
export interface Funding {
  readonly count: number;
  readonly refusal?: BudgetError | undefined;
  readonly funds: Funds;
}

/** Reserves the most that a batch of these lines can cost. */
export async function reserveFor({service, budget}: LaneWork, lines: readonly LaneLine[]): Promise<Funding> {
  const charges = lines.map(({queries}): Charge => ({calls: 1, usage: service.worstCase?.(queries)}));
  const {reservations, refusal} = (await budget?.reserveFirst(charges)) ?? {};
  const count = reservations?.length ?? lines.length;
  const reserved = lines
    .slice(0, count)
    .map(({keys}, index): [string, Reserved] => [
      keys[0]!,
      {worst: charges[index]!, reservation: reservations?.[index]},
    ]);
  return {count, funds: new Funds(reserved), refusal};
}
