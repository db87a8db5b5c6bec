import {LimbeckError, TeacherError} from '../../src/errors.ts';
import type {LogitsAnswer, Outcome, Question, Teacher, TopKAnswer} from '../../src/teacher.ts';
import {untilAborted} from '../_local/until-aborted.ts';
import type {Scorer} from './scorer.ts';

/**
 * Asks a model that is loaded at the first question and has one state: one question waits for the other.
 *
 * @param load - tried again at the next question where it failed
 */
export function asker(
  name: string,
  load: () => Promise<Scorer>,
  answerOf: (scored: TopKAnswer) => TopKAnswer | LogitsAnswer,
): Teacher['ask'] {
  let loaded: Promise<Scorer> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const scorer = (): Promise<Scorer> => {
    loaded ??= load().catch(error => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
  const answer = async ({input, sample = 0}: Question, signal?: AbortSignal): Promise<Outcome> => {
    signal?.throwIfAborted();
    if (input.kind !== 'text') return {error: new TeacherError(name, 'It reads texts, and this input is a tensor.')};
    const score = await scorer();
    const scored = await score(input.text, sample, signal);
    return typeof scored === 'string' ? {error: new TeacherError(name, scored)} : {answer: answerOf(scored)};
  };
  const answerAll = async (questions: readonly Question[], signal?: AbortSignal): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    for (const question of questions) outcomes.push(await answer(question, signal));
    return outcomes;
  };
  return (questions, {signal} = {}) => {
    // There is one state of the model, for one question at a time.
    const turn = last.then(() => answerAll(questions, signal));
    last = turn.catch(() => {});
    // An evaluation can't be stopped, and of a large model it is long.
    return untilAborted(turn, signal).catch(error => {
      throw signal?.aborted || error instanceof LimbeckError ? error : failed(name, error);
    });
  };
}

function failed(name: string, cause: unknown): TeacherError {
  return new TeacherError(name, `It could not answer: ${(cause as Error).message}`, {cause});
}
