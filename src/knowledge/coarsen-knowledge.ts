import type {Detail} from '../teacher.ts';
import type {Knowledge} from './knowledge.ts';
import {coarsenAnswers} from './table.ts';

/**
 * The same knowledge with answers that hold less, for a student that is to see no more.
 *
 * @throws KnowledgeError where they do not hold that much
 */
export function coarsenKnowledge(knowledge: Knowledge, detail: Detail): Knowledge {
  return {...knowledge, detail, answers: coarsenAnswers(knowledge.answers, detail, knowledge.classes.length)};
}
