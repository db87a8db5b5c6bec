import type {Question} from '../question.ts';
import {questionFolder, recipesOf} from '../recipe/questions.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {directoryOf, type OpenStudyOptions, type Study, type StudyOptions} from './study.ts';

/** The study of one question of a recipe. */
export interface QuestionStudy {
  /** Undefined if the recipe has no `questions`. */
  readonly question: Question | undefined;
  readonly study: Study;
}

/** Opens the study of one question. */
type Open = (about: Recipe, options: StudyOptions & OpenStudyOptions) => Promise<Study>;

/** Opens the studies of a recipe as `openStudies` does, and closes all at the end. */
export async function withStudies<T>(
  recipe: Recipe,
  options: StudyOptions,
  open: Open,
  use: (studies: readonly QuestionStudy[]) => Promise<T>,
): Promise<T> {
  const studies = await openStudies(recipe, options, open);
  return use(studies).finally(() => closeAll(studies));
}

/**
 * Opens a study for each question of a recipe, in a folder of its own. All share the cache and the budget of the first one: a
 * limit holds for all questions together. A recipe without `questions` has one study.
 */
export async function openStudies(
  recipe: Recipe,
  options: StudyOptions,
  open: Open,
): Promise<readonly QuestionStudy[]> {
  const directory = directoryOf(recipe, options);
  const studies: QuestionStudy[] = [];
  try {
    for (const {question, recipe: about} of recipesOf(recipe)) {
      const within = (folder: string) => (question ? questionFolder(folder, question) : folder);
      const own = {directory: within(directory), knowledge: options.knowledge && within(options.knowledge)};
      studies.push({question, study: await open(about, {...options, ...own, asking: studies[0]?.study.asking})});
    }
    return studies;
  } catch (error) {
    await closeAll(studies);
    throw error;
  }
}

async function closeAll(studies: readonly QuestionStudy[]): Promise<void> {
  // The first one opened the cache.
  for (const {study} of studies.toReversed()) await study.close();
}
