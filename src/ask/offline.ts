import {KnowledgeError} from '../errors.ts';
import {answerKey} from '../knowledge/key.ts';
import type {Access, Outcome, Question, Teacher} from '../teacher.ts';
import {layerOver} from './layer.ts';

/**
 * Stands in the place of a teacher that must not be asked. Each question that reaches it is refused for itself, so that
 * whoever asks a whole set learns of all that is missing.
 */
export function offline<A extends Access>(teacher: Teacher<A>): Teacher<A> {
  const refuse = (question: Question): Outcome<A> => ({
    error: new KnowledgeError(
      `No answer is kept under key ${answerKey(teacher.identity, question)}, and offline none is bought. ` +
        'Run once without `--offline`.',
    ),
  });
  return layerOver(teacher, {ask: async questions => questions.map(refuse)});
}
