import pLimit from 'p-limit';
import type {Access, Question, Teacher} from '../teacher.ts';
import {askAll, checkLimits} from './each.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';

/**
 * Takes any number of questions and asks them as `askEach` does, with as many calls under way at once as the teacher's
 * `concurrency` allows, whoever makes them. Outcomes are in the order of the questions.
 *
 * @throws InputError where the teacher's limits let nothing through
 */
export function withBatches<A extends Access>(teacher: Teacher<A>): LayeredTeacher<A> {
  checkLimits(teacher);
  const limit = pLimit(teacher.concurrency ?? 1);
  const layered: LayeredTeacher<A> = teacher;
  const inTurn = layerOver(layered, {
    ask: (questions, options = {}) =>
      limit(() => {
        options.stop?.throwIfAborted();
        return layered.ask(questions, options);
      }),
  });
  const ask = (questions: readonly Question[], options: LayerOptions = {}) => askAll(inTurn, questions, options);
  return layerOver(teacher, {ask, maxBatch: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY});
}
