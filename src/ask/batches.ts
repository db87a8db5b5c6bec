import type {Access, Query, Teacher} from '../teacher.ts';
import {askAll, checkLimits} from './each.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';
import {Semaphore} from './semaphore.ts';

/**
 * Takes any number of queries and asks them as `askEach` does, with as many calls under way at once as the teacher's
 * `concurrency` allows, whoever makes them. Outcomes are in the order of the queries.
 *
 * @param around - puts layers around the teacher that take no turn: while they keep the answers of one call the next one
 * is under way. As many calls may be at that as may be under way
 * @throws InputError where the teacher's limits let nothing through
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
      // Whoever hears of it stops what waits for its turn first.
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
