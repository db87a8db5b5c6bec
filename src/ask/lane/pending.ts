import {KnowledgeError} from '../../errors.ts';
import type {BatchRecord} from '../../store/journal/batches.ts';
import type {Access, Outcome, Question} from '../../teacher.ts';
import {keyed} from '../keyed.ts';
import {askOthers, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {collectBatch, waitForEnd} from './collect-batch.ts';
import {findLost, withoutId} from './hand-over.ts';
import {batchesWith, type LaneWork} from './lane-work.ts';

/**
 * Keeps what is in a batch from being paid for twice. A batch that has ended is collected, whichever way its questions
 * are asked now; what is in one that is still under way is not asked about.
 *
 * @param teacher - reads collected replies from the journal, see `withRecovery`
 */
export function withPendingBatches<A extends Access>(teacher: LayeredTeacher<A>, work: LaneWork): LayeredTeacher<A> {
  // Many calls may be about the questions of one batch.
  const looks = new Map<string, Promise<Error | undefined>>();
  const ask = async (questions: readonly Question[], options: LayerOptions = {}) => {
    const known = new Map<number, Outcome<A>>();
    for (const record of batchesWith(work, questions)) {
      const look = looks.get(record.name) ?? collectIfEnded(work, record, options.stop);
      looks.set(record.name, look);
      const error = await look;
      if (error === undefined) continue;
      const keys = new Set(record.keys);
      for (const [place, question] of questions.entries()) {
        if (keys.has(keyed(teacher, question).key)) known.set(place, {error});
      }
    }
    options.onSettled?.(known.size);
    return askOthers(teacher, questions, known, options);
  };
  return layerOver(teacher, {ask});
}

/** Why nothing in the batch can be answered yet; undefined where it can. */
async function collectIfEnded(
  work: LaneWork,
  record: BatchRecord,
  stop: AbortSignal | undefined,
): Promise<Error | undefined> {
  const found = await findLost(work, record, stop);
  if (found === undefined) return undefined;
  const state = await waitForEnd(work, found, {stop, looksOnce: true});
  if (!state.isEnded) {
    return new KnowledgeError(
      `It is in batch ${found.id}, which is under way since ${found.plannedAt} and paid for. \`limbeck label --lane ` +
        'batch` waits for it.',
    );
  }
  const {isForeign} = await collectBatch(work, found, state, {stop});
  if (isForeign) return collectIfEnded(work, withoutId(found), stop);
  work.journal.batches.remove(found);
  return undefined;
}
