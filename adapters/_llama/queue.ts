import {once, untilAborted} from '../../src/concurrency.ts';
import {LimbeckError, TeacherError} from '../../src/errors.ts';
import {kindProblem, textOf} from '../../src/input-kinds.ts';
import type {LabelAnswer, LogitsAnswer, Outcome, Query, Teacher, TopKAnswer} from '../../src/teacher.ts';

/** Answers a text, or returns the reason that it can't be asked about, in sentences. */
export type AnswerTo = (
  text: string,
  sample: number,
  signal?: AbortSignal,
) => Promise<TopKAnswer | LogitsAnswer | LabelAnswer | string>;

/**
 * Asks a model that is loaded at the first query. The model has one state, so queries wait for each other.
 *
 * @internal
 * @param load - if it fails, it is called again at the next query
 */
export function asker(name: string, load: () => Promise<AnswerTo>): Teacher['ask'] {
  const loaded = once(load);
  let last: Promise<unknown> = Promise.resolve();
  const answer = async ({input, sample = 0}: Query, signal?: AbortSignal): Promise<Outcome> => {
    signal?.throwIfAborted();
    if (input.kind !== 'text' && input.kind !== 'record') {
      return {error: new TeacherError(name, kindProblem(['text', 'record'], input))};
    }
    const answerTo = await loaded();
    const found = await answerTo(textOf(input), sample, signal);
    return typeof found === 'string' ? {error: new TeacherError(name, found)} : {answer: found};
  };
  const answerAll = async (queries: readonly Query[], signal?: AbortSignal): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    for (const query of queries) outcomes.push(await answer(query, signal));
    return outcomes;
  };
  return (queries, {signal} = {}) => {
    // The model has one state, so it answers one query at a time.
    const turn = last.then(() => answerAll(queries, signal));
    last = turn.catch(() => {});
    // An evaluation can't be stopped, and it takes long on a large model.
    return untilAborted(turn, signal).catch(error => {
      throw signal?.aborted || error instanceof LimbeckError ? error : failed(name, error);
    });
  };
}

function failed(name: string, cause: unknown): TeacherError {
  return new TeacherError(name, `It could not answer: ${(cause as Error).message}`, {cause});
}
