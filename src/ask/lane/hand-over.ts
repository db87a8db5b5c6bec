import {randomUUID} from 'node:crypto';
import {TeacherError} from '../../errors.ts';
import type {BatchRecord} from '../../knowledge/journal-batches.ts';
import type {LostBatch} from '../../lane.ts';
import type {Question} from '../../teacher.ts';
import {keyed} from '../keyed.ts';
import {timer} from '../retry.ts';
import {type LaneWork, persistently} from './lane-work.ts';

/** A batch that the service has. */
export type HandedOver = BatchRecord & {readonly id: string};

/**
 * Hands questions over in one batch. It is written down before, so that it can be found again wherever the process ends.
 *
 * @param attempt - which handing-over of these questions it is, from 1 on
 * @throws TeacherError where the service doesn't take it; the batch is forgotten, unless the service may have it
 */
export async function handOver(
  work: LaneWork,
  questions: readonly Question[],
  attempt: number,
  stop?: AbortSignal,
): Promise<HandedOver> {
  const {teacher, lane, ledger, journal} = work;
  stop?.throwIfAborted();
  const keys = questions.map(question => keyed(teacher, question).key);
  const plannedAt = new Date().toISOString();
  const record: BatchRecord = {
    format: 1,
    name: `limbeck-${randomUUID()}`,
    teacher: teacher.name,
    plannedAt,
    attempt,
    keys,
  };
  await journal.batches.write(record);
  // Replies that could not be read are no longer theirs.
  const unread = keys.filter(key => journal.recovered.replies.has(key));
  if (unread.length > 0) journal.settled(unread);
  let mayBeThere = false;
  const recover = async (error: unknown) => {
    mayBeThere ||= isHeard(error);
    return isHeard(error) ? lane.find(lostBatch(work, record)) : undefined;
  };
  let id: string;
  try {
    const lines = questions.map((question, place) => lane.lineOf(keys[place]!, question));
    id = await persistently(() => lane.submit({name: record.name, lines}), work, {stop, recover});
  } catch (error) {
    if (!mayBeThere) journal.batches.remove(record);
    throw error;
  }
  const known = {...record, id};
  await journal.batches.write(known);
  ledger?.add({calls: questions.length});
  return known;
}

/** What is known of a batch that turned out to be another one. */
export function withoutId({id: _, ...record}: BatchRecord): BatchRecord {
  return record;
}

/** A batch whose id did not become known, as an earlier run left it; undefined where the service never got it. */
export async function findLost(
  work: LaneWork,
  record: BatchRecord,
  stop?: AbortSignal,
): Promise<HandedOver | undefined> {
  const {lane, journal, sleep = timer} = work;
  if (record.id !== undefined) return {...record, id: record.id};
  const look = () => persistently(async () => ({id: await lane.find(lostBatch(work, record))}), work, {stop});
  let {id} = await look();
  // One that was handed over a moment ago may not be listed yet.
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

function lostBatch({journal}: LaneWork, {name, keys, plannedAt}: BatchRecord): LostBatch {
  const others = new Set(journal.batches.all().flatMap(({id}) => id ?? []));
  return {name, ids: new Set(keys), since: new Date(plannedAt), others};
}

/** Whether the service may have taken a batch, though it did not say so. */
function isHeard(error: unknown): boolean {
  return error instanceof TeacherError && (error.inDoubt || (error.status ?? 0) >= 500);
}
