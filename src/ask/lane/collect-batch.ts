import {TeacherError} from '../../errors.ts';
import type {BatchState} from '../../lane.ts';
import type {Reply} from '../../teacher.ts';
import {type Charge, costOf} from '../budget/price.ts';
import {receiptOf, uncountedNote} from '../budget/receipt.ts';
import {timer} from '../retry.ts';
import type {Funds} from './funds.ts';
import {lanePrice} from './lane-of.ts';
import {type LaneWork, persistently} from './lane-work.ts';
import type {Submission} from './submit.ts';

/** How often to look in vain, about once a minute, before the wait is given up. */
const LOOKS = 60;

/** Milliseconds between two looks at a batch: at first, and at most. */
const FIRST_WAIT = 2000;
const LONGEST_WAIT = 60_000;

/**
 * Waits until a batch has ended.
 *
 * @param looksOnce - whether to look and not to wait
 * @returns how far it is: to its end, unless it was only looked at
 */
export async function waitForEnd(
  work: LaneWork,
  batch: Submission,
  {stop, looksOnce}: {readonly stop?: AbortSignal | undefined; readonly looksOnce: boolean},
): Promise<BatchState> {
  const {lane, watch, sleep = timer} = work;
  const {name, id, keys} = batch;
  try {
    for (let wait = FIRST_WAIT; ; wait = Math.min(LONGEST_WAIT, 1.5 * wait)) {
      const state = await persistently(() => lane.poll(id), work, {stop, sends: LOOKS});
      if (state.isEnded || looksOnce) return state;
      watch?.saw(name, keys.length, state.done);
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
    `It has no batch ${id}, handed over at ${plannedAt}, or not for this key. Give the key of that time. If the batch is ` +
      `lost, delete ${journal.batches.pathOf(batch)}: its ${keys.length} queries are asked about again then.`,
    {cause},
  );
}

/** Ends a batch, unless it has ended. What it has finished is still to be collected. */
export async function cancelBatch(work: LaneWork, batch: Submission): Promise<void> {
  const {isEnded} = await waitForEnd(work, batch, {looksOnce: true});
  if (!isEnded) await persistently(() => work.lane.cancel(batch.id), work);
}

/** What became of the requests of a batch. */
export interface Collected {
  /** Why a query has no reply; of one that has one, nothing. */
  readonly errors: ReadonlyMap<string, Error>;
  /** Whether it was another batch: nothing in it was asked for. */
  readonly isForeign: boolean;
}

/**
 * Gets what a batch that has ended holds. Every reply is in the journal, to be read, before the promise resolves.
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
  const {id, keys} = batch;
  const open = new Set(keys);
  const errors = new Map<string, Error>();
  let isForeign = false;
  if (failure === undefined) {
    // After a connection that broke, what came before is not taken twice.
    const take = async () => {
      for await (const result of lane.collect(id)) {
        if (!open.has(result.id)) {
          isForeign = open.size === keys.length;
          continue;
        }
        isForeign = false;
        if ('reply' in result) {
          try {
            // Kept by an earlier run that ended before the batch was seen to its end.
            if (!journal.recovered.replies.has(result.id)) await journal.receive([result.id], result.reply);
          } finally {
            settleReply(work, result.id, result.reply, funds);
          }
        } else {
          errors.set(result.id, result.error);
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
  for (const key of open) {
    errors.set(key, unanswered);
    if (!isForeign) funds?.settle(key, REFUSED);
  }
  return {errors, isForeign};
}

/** What is not answered costs no tokens. */
const REFUSED: Charge = {calls: 1};

/** Counts what a reply came to. Of a batch that an earlier run handed over nothing is reserved. */
function settleReply(work: LaneWork, key: string, reply: Reply, funds: Funds | undefined): void {
  const {service, lane, ledger, teacher, onNote} = work;
  const receipt = receiptOf(service, reply);
  const {usage = funds?.worstUsage(key)} = receipt;
  if (service.worstCase && receipt.usage === undefined) onNote?.(uncountedNote(teacher));
  const charge = {calls: 1, usage};
  const price = lanePrice(service, lane);
  ledger?.add({...usage, ...(price && {usd: costOf(price, charge)})});
  funds?.settle(key, charge);
}
