import {questionFolder, recipeOfOne} from '../recipe/questions.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {resolveRecipe} from '../recipe/resolve.ts';
import {loadHead, loadOneHead} from '../student/files.ts';
import {headOf} from '../student/heads.ts';
import type {Student} from '../student/student.ts';
import {directoryOf, openStudy, type Study, type StudyOptions} from '../study/study.ts';

/**
 * The students of the questions that are compared with a teacher: all heads of a student if the recipe has `questions`.
 *
 * @param question - name of the only one; @default all
 * @throws InputError if the student has no such question, or the recipe has one and the student several
 */
export async function headsFor(
  {questions}: Recipe,
  folder: string,
  question: string | undefined,
): Promise<readonly Student[]> {
  if (questions === undefined || question !== undefined) return [await loadOneHead(folder, question)];
  const student = await loadHead(folder, undefined);
  return student.heads?.map(head => headOf(student, head.question.name)) ?? [student];
}

/**
 * Opens the study of each student's question, one after the other, in the question's own folder. All share the cache and
 * the budget of the first one.
 *
 * @throws InputError if the recipe has `questions` and a student answers none of them
 */
export async function withHeadStudies<T>(
  source: Recipe,
  students: readonly Student[],
  options: StudyOptions,
  use: (study: Study, student: Student) => Promise<T>,
): Promise<readonly T[]> {
  const root = directoryOf(source, options);
  const studies: Study[] = [];
  try {
    const results: T[] = [];
    for (const student of students) {
      const recipe = await resolveRecipe(source.questions ? recipeOfOne(source, student.question?.name) : source);
      const directory = source.questions && student.question ? questionFolder(root, student.question) : root;
      const study = await openStudy(recipe, [recipe.reference], {...options, directory, asking: studies[0]?.asking});
      studies.push(study);
      results.push(await use(study, student));
    }
    return results;
  } finally {
    // The first one opened the cache.
    for (const study of studies.toReversed()) await study.close();
  }
}
