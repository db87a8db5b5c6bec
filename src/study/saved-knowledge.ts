import {stat} from 'node:fs/promises';
import {loadKnowledge} from '../knowledge/files.ts';
import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {openKnowledge} from '../knowledge/open-knowledge.ts';
import type {Method} from '../recipe/recipe.ts';
import {knowledgePath} from './asking.ts';
import type {MethodChanges} from './changes.ts';
import {inquiryOf} from './inquiries.ts';
import {detailOfMethod, knowledgeFor} from './methods.ts';
import type {Study} from './study.ts';

/** Bytes up to which a file is read whole, which is faster. */
const SMALL = 64 * 2 ** 20;

/**
 * Hands over what a method learns from, out of the knowledge that its inquiry saved: read whole where it is small,
 * otherwise row by row.
 *
 * @param changes - in what the method is not trained as its recipe says

 * @throws KnowledgeError where there is none, or it is damaged
 */
export async function withSavedKnowledge<T>(
  {directory, drawn, data, recipe}: Study,
  method: Method,
  use: (knowledge: Knowledge | StoredKnowledge) => Promise<T>,
  changes: MethodChanges = {},
): Promise<T> {
  if (method.level === 'none') return use(knowledgeFor(method, undefined, drawn, data.classes, changes));
  const path = knowledgePath(directory, inquiryOf(recipe, method));
  if (await isSmall(path)) return use(knowledgeFor(method, await loadKnowledge(path), drawn, data.classes));
  const knowledge = await openKnowledge(path, {detail: detailOfMethod(method)});
  try {
    return await use(knowledge);
  } finally {
    await knowledge.close();
  }
}

/** What isn't there is left to whoever reads it, who says so. */
async function isSmall(path: string): Promise<boolean> {
  const size = await stat(path)
    .then(({size}) => size)
    .catch(() => 0);
  return size <= SMALL;
}
