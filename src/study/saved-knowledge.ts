import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {openKnowledge} from '../knowledge/open-knowledge.ts';
import type {Method} from '../recipe/recipe.ts';
import {knowledgePath} from './asking.ts';
import {detailOfMethod, trueLabels} from './methods.ts';
import type {Study} from './study.ts';

/**
 * Hands over what a method learns from, read row by row out of the knowledge that its level's asking saved.
 *
 * @throws KnowledgeError where there is none, or it is damaged
 */
export async function withSavedKnowledge<T>(
  {directory, drawn, data}: Study,
  method: Method,
  use: (knowledge: Knowledge | StoredKnowledge) => Promise<T>,
): Promise<T> {
  const {level} = method;
  if (level === 'none') return use(trueLabels(drawn, data.classes));
  const knowledge = await openKnowledge(knowledgePath(directory, level), {detail: detailOfMethod(method)});
  try {
    return await use(knowledge);
  } finally {
    await knowledge.close();
  }
}
