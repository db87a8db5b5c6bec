import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {isBucketUrl, pathIn} from '../data/bucket/url.ts';
import {checkWritable} from '../data/files.ts';
import {InputError} from '../errors.ts';
import type {StoredKnowledge} from '../knowledge/knowledge.ts';
import {openKnowledge} from '../knowledge/open-knowledge.ts';
import {openFolder} from '../knowledge/shard-folder.ts';
import {INDEX_FILE, readShardIndex} from '../knowledge/shard-index.ts';
import type {ShardFolder} from '../knowledge/sharded.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {Recipe} from '../recipe/recipe.ts';
import type {Detail} from '../teacher.ts';
import type {StudyOptions} from './options.ts';

/** Where a study keeps its knowledge. */
export interface KnowledgeHome {
  /** The folder of its knowledge, which may be in a bucket. */
  readonly knowledgeRoot: string;
  /** The folder of its cache, in which encodings and copies of knowledge are kept too. */
  readonly cacheFolder: string;
}

/** The folder of a recipe's knowledge, students and results. */
export function directoryOf({name}: Pick<Recipe, 'name'>, {directory}: Pick<StudyOptions, 'directory'> = {}): string {
  return directory ?? join('out', name);
}

/**
 * The folder of a study's knowledge: of `directory`, or in a bucket.
 *
 * @throws InputError if `bucket` is no URL of one
 */
export function knowledgeRoot(directory: string, bucket: string | undefined): string {
  if (bucket === undefined) return join(directory, 'knowledge');
  if (isBucketUrl(bucket)) return bucket;
  throw new InputError(
    `Knowledge is kept in the folder that \`--out\` names, or in a bucket: ${bucket} is no URL such as s3://BUCKET/PREFIX.`,
  );
}

/**
 * Checks that knowledge, students and results can be written. To be called before anything is bought.
 *
 * @throws InputError if they can't be
 */
export async function checkStudyWritable(
  recipe: Pick<Recipe, 'name'>,
  options: Pick<StudyOptions, 'directory' | 'knowledge'>,
): Promise<void> {
  const directory = directoryOf(recipe, options);
  await checkWritable(directory);
  if (options.knowledge === undefined) return;
  const folder = await openFolder(knowledgeRoot(directory, options.knowledge));
  await folder.write('.limbeck', []);
  await folder.remove('.limbeck');
}

/** The folder of a query plan's knowledge in shards. */
export function shardsOf(study: KnowledgeHome, plan: QueryPlan): Promise<ShardFolder> {
  return openFolder(knowledgeFolder(study, plan), copiesOf(study));
}

/** Where a study keeps copies of shards that are in a bucket. */
function copiesOf({cacheFolder}: KnowledgeHome): string {
  return join(cacheFolder, 'knowledge');
}

type Root = Pick<KnowledgeHome, 'knowledgeRoot'>;

/** Where a query plan's knowledge is: in a file, or in a folder of shards. */
export function knowledgePath(study: Root, plan: QueryPlan): string {
  const folder = knowledgeFolder(study, plan);
  if (isBucketUrl(folder) || existsSync(join(folder, INDEX_FILE))) return folder;
  return knowledgeFile(study, plan);
}

/** Whether a query plan's knowledge was saved. */
export async function isSaved(study: KnowledgeHome, plan: QueryPlan): Promise<boolean> {
  const path = knowledgePath(study, plan);
  return isBucketUrl(path) ? (await readShardIndex(await shardsOf(study, plan))) !== undefined : existsSync(path);
}

/** Opens the saved knowledge of a query plan. @throws as `openKnowledge` does */
export function openSaved(study: KnowledgeHome, plan: QueryPlan, detail?: Detail): Promise<StoredKnowledge> {
  return openKnowledge(knowledgePath(study, plan), {copies: copiesOf(study), ...(detail && {detail})});
}

/** The file of a query plan's knowledge, if it is in one. */
export function knowledgeFile({knowledgeRoot}: Root, plan: QueryPlan): string {
  return pathIn(knowledgeRoot, `${plan.fileName}.safetensors`);
}

/** The folder of a query plan's knowledge, if it is in shards. */
export function knowledgeFolder({knowledgeRoot}: Root, plan: QueryPlan): string {
  return pathIn(knowledgeRoot, `${plan.fileName}.shards`);
}
