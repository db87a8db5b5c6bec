import type {Access, Query, Teacher} from '../teacher.ts';
import {askAll, checkLimits} from './each.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';
import {Semaphore} from './semaphore.ts';

/**
 * Takes any number of queries and asks them as `askEach` does. All callers together have at most the teacher's
 * `concurrency` of calls under way. Outcomes are in the order of the queries.
 *
 * @param around - puts layers around the teacher that hold no slot of the semaphore. While they keep the answers of one
 * call, the next call is under way. At most `concurrency` calls can be in this state
 * @throws InputError if the teacher's limits let nothing through
 */
export function withBatches<A extends Access>(
  teacher: Teacher<A>,
  around?: (inTurn: LayeredTeacher<A>) => LayeredTeacher<A>,
): LayeredTeacher<A> {
  checkLimits(teacher);
  const {concurrency = 1} = teacher;
  const semaphore = new Semaphore(concurrency);
  const layered: LayeredTeacher<A> = teacher;
  const ask = async (queries: readonly Query[], options: LayerOptions = {}) => {
    const turn = semaphore.begin();
    if (turn) await turn;
    try {
      options.stop?.throwIfAborted();
      const outcomes = await layered.ask(queries, options);
      semaphore.end();
      return outcomes;
    } catch (error) {
      // The caller's handlers run first, so that a stop reaches the waiting calls before they start.
      setImmediate(() => semaphore.end());
      throw error;
    }
  };
  const each = around ? around(layerOver(layered, {ask, concurrency: 2 * concurrency})) : layerOver(layered, {ask});
  return layerOver(teacher, {
    ask: (queries, options = {}) => askAll(each, queries, options),
    maxBatch: Number.POSITIVE_INFINITY,
    concurrency: Number.POSITIVE_INFINITY,
  });
}
