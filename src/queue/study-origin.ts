import type {Engine} from '../engine/engine.ts';
import {recipeOfFirst} from '../recipe/questions.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {type ResolvedRecipe, resolveRecipe} from '../recipe/resolve.ts';
import {digestOf} from '../train/fingerprint.ts';
import {packageVersion} from '../version.ts';
import {differing, listed, short} from './origin.ts';
import type {StudyOrigin, StudyRun} from './study-run.ts';

export function studyOriginOf(engine: Engine, recipe: string, data: ResolvedRecipe['data']): StudyOrigin {
  const {train, test} = data;
  const inputs = [train.inputs, 'validation' in data ? data.validation.inputs : null, test.inputs];
  return {
    version: packageVersion(),
    engine: `${engine.name} ${engine.version}`,
    recipe,
    data: digestOf(inputs),
  };
}

/** The data of a study's recipe; of all questions, since they share their inputs. */
export async function studyData(recipe: Recipe): Promise<ResolvedRecipe['data']> {
  return (await resolveRecipe(recipeOfFirst(recipe))).data;
}

/** The name of a study in Redis. */
export function studyId(run: Omit<StudyRun, 'id' | 'begun' | 'format' | 'path'>): string {
  const {name, origin, threads, changes = null, knowledge} = run;
  return digestOf([name, origin, threads, changes, knowledge.map(({path, sha256}) => [path, sha256])]).slice(0, 12);
}

/** How the origin of a study differs from one's own, with both values; undefined if they are the same. */
export function studyDifference(run: StudyOrigin, own: StudyOrigin): string | undefined {
  return listed([
    ...differing('the version of limbeck', run.version, own.version),
    ...differing('the engine', run.engine, own.engine),
    ...differing('the recipe', run.recipe, own.recipe, short),
    ...differing('the data, digest', run.data, own.data, short),
  ]);
}
