import {questionOf, recipeOfOne} from '../recipe/questions.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {resolveRecipe} from '../recipe/resolve.ts';
import {isOfVectors} from '../recipe/vectors.ts';
import {loadHead, loadOneHead, loadStudent} from '../student/files.ts';
import {headOf} from '../student/heads.ts';
import type {Student} from '../student/student.ts';
import {withStudies} from '../study/studies.ts';
import {openStudy, type Study, type StudyOptions} from '../study/study.ts';

/**
 * The students of the questions that are compared with a teacher: all heads of a student if the recipe has `questions`. A
 * student of vectors has no question.
 *
 * @param question - name of the only one; @default all
 * @throws InputError if the student has no such question, or the recipe has one and the student several
 */
export async function headsFor(
  recipe: Recipe,
  folder: string,
  question: string | undefined,
): Promise<readonly Student[]> {
  const {questions} = recipe;
  if (isOfVectors(recipe) && question === undefined) return [await loadStudent(folder)];
  if (questions === undefined || question !== undefined) return [await loadOneHead(folder, question)];
  const student = await loadHead(folder, undefined);
  return student.heads?.map(head => headOf(student, head.question.name)) ?? [student];
}

/**
 * Opens the study of each student's question, in the question's own folder, and uses them one after the other. All share the
 * cache and the budget of the first one.
 *
 * @throws InputError if the recipe has `questions` and a student answers none of them
 */
export function withHeadStudies<T>(
  source: Recipe,
  students: readonly Student[],
  options: StudyOptions,
  use: (study: Study, student: Student) => Promise<T>,
): Promise<readonly T[]> {
  const open = async (about: Recipe, own: StudyOptions) => {
    const recipe = await resolveRecipe(about);
    return openStudy(recipe, [recipe.reference], own);
  };
  return withStudies(recipeOfHeads(source, students), options, open, async studies => {
    const results: T[] = [];
    for (const [index, {study}] of studies.entries()) results.push(await use(study, students[index]!));
    return results;
  });
}

/** The recipe about the questions that students answer. A student without a name for its question answers the only one. */
function recipeOfHeads(source: Recipe, students: readonly Student[]): Recipe {
  const {questions} = source;
  if (questions === undefined) return source;
  if (students.some(({question}) => question === undefined)) return recipeOfOne(source, undefined);
  return {...source, questions: students.map(({question}) => questionOf(questions, question!.name))};
}
