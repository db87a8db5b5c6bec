import pLimit from 'p-limit';
import type {Access, Outcome, Question, Teacher} from '../teacher.ts';
import {askEach, checkLimits} from './each.ts';
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
  const ask = async (questions: readonly Question[], options: LayerOptions = {}) => {
    const outcomes = new Array<Outcome<A>>(questions.length);
    const take = (some: readonly Outcome<A>[], start: number) => {
      for (const [place, outcome] of some.entries()) outcomes[start + place] = outcome;
    };
    await askEach(inTurn, questions, take, options);
    return outcomes;
  };
  return layerOver(teacher, {ask, maxBatch: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY});
}
