import {mkdir, rm, stat} from 'node:fs/promises';
import {dirname} from 'node:path';
import {isBucketUrl} from '../data/bucket/url.ts';
import {selectSplit} from '../data/split.ts';
import {versionsOf} from '../data/versions.ts';
import {selectAnswers} from '../knowledge/answers.ts';
import {loadKnowledge, saveKnowledge} from '../knowledge/files.ts';
import {coarsenKnowledge, type Knowledge, trueLabels} from '../knowledge/knowledge.ts';
import {emptyIndex, removeUnlisted, saveShard} from '../knowledge/shard-index.ts';
import type {ShardFolder} from '../knowledge/sharded.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {Drawn, ResolvedRecipe} from '../recipe/resolve.ts';
import {withAnswers} from './divide.ts';
import {type KnowledgeHome, knowledgeFile, knowledgeFolder, knowledgePath, openSaved, shardsOf} from './folders.ts';
import type {AnsweredMethod, OpenMethod} from './methods.ts';
import type {Study} from './study.ts';

/** Saves the knowledge of a query plan, and replaces what was saved before. In a bucket it is one shard. */
export async function keep(study: KnowledgeHome, plan: QueryPlan, knowledge: Knowledge): Promise<string> {
  if (isBucketUrl(study.knowledgeRoot)) return keepInBucket(await shardsOf(study, plan), knowledge);
  const path = knowledgeFile(study, plan);
  await mkdir(dirname(path), {recursive: true});
  await saveKnowledge(path, knowledge);
  await rm(knowledgeFolder(study, plan), {recursive: true, force: true});
  return path;
}

async function keepInBucket(folder: ShardFolder, knowledge: Knowledge): Promise<string> {
  const {inputs, unanswered = 0} = knowledge;
  const rows = [0, inputs.count] as const;
  const index = await saveShard(folder, emptyIndex('whole', inputs.count), knowledge, {rows, unasked: 0, unanswered});
  await removeUnlisted(folder, index);
  return folder.name;
}

/**
 * A method with what it learns from: answers coarsened to what it may see, or true labels. Throws as `inputsApart` does.
 *
 * @param asked - the answers of its query plan; undefined for one that learns from true labels
 */
export function answeredMethod(
  recipe: Pick<ResolvedRecipe, 'drawn' | 'data' | 'calibrationSizeOf'>,
  method: OpenMethod,
  asked: Knowledge | undefined,
): AnsweredMethod<Knowledge> {
  const {drawn, data} = recipe;
  if (method.level === 'none') return withAnswers(recipe, method, trueLabelsFor(method, drawn, data.classes));
  if (asked === undefined) throw new TypeError(`Method ${method.method} asked nobody.`);
  return withAnswers(recipe, method, coarsenKnowledge(asked, method.detail));
}

/** True labels, which hold for all versions of an input that the method learns from. */
function trueLabelsFor({changes, countedViews}: OpenMethod, drawn: Drawn, classes: readonly string[]): Knowledge {
  const truth = trueLabels(drawnWithout(drawn, changes.leftOut), classes);
  if (countedViews === undefined) return truth;
  const {inputs, versions} = versionsOf(truth.inputs, countedViews);
  const answers = selectAnswers(
    truth.answers,
    Array.from({length: inputs.count}, (_, row) => Math.floor(row / versions)),
    classes.length,
  );
  return {...truth, inputs, answers, versions};
}

function drawnWithout(drawn: Drawn, leftOut: readonly number[] = []): Drawn {
  if (leftOut.length === 0 || !('labels' in drawn)) return drawn;
  const without = new Set(leftOut);
  return selectSplit(
    drawn,
    Array.from(drawn.labels.keys()).filter(row => !without.has(row)),
  );
}

/** Bytes up to which a file is read whole, which is faster. */
const SMALL = 64 * 2 ** 20;

/**
 * Gives a method what it learns from, out of the knowledge that its query plan saved: a small file is read whole, another
 * row by row. A file is closed after `use`.
 *
 * @throws KnowledgeError if there is none, or it is damaged
 */
export async function withSavedKnowledge<T>(
  study: Study,
  method: OpenMethod,
  use: (method: AnsweredMethod) => Promise<T>,
): Promise<T> {
  const {recipe} = study;
  if (method.queryPlan === undefined) return use(answeredMethod(recipe, method, undefined));
  const path = knowledgePath(study, method.queryPlan);
  if (await isSmall(path)) return use(answeredMethod(recipe, method, await loadKnowledge(path)));
  const knowledge = await openSaved(study, method.queryPlan, method.detail);
  try {
    return await use(withAnswers(recipe, method, knowledge));
  } finally {
    await knowledge.close();
  }
}

/** Gives methods of several studies what each learns from, as `withSavedKnowledge` does for one. */
export async function withAllKnowledge<T>(
  [next, ...others]: readonly {readonly study: Study; readonly method: OpenMethod}[],
  use: (methods: readonly AnsweredMethod[]) => Promise<T>,
): Promise<T> {
  if (next === undefined) return use([]);
  return withSavedKnowledge(next.study, next.method, method =>
    withAllKnowledge(others, rest => use([method, ...rest])),
  );
}

/** A file that is not there is left to its reader, who says so. Shards are never read as a whole. */
async function isSmall(path: string): Promise<boolean> {
  if (isBucketUrl(path)) return false;
  const found = await stat(path).catch(() => undefined);
  return found === undefined || (found.isFile() && found.size <= SMALL);
}
