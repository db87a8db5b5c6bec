import type {StudentBuilder} from '../student/student.ts';
import type {Recipe} from './recipe.ts';

/** The students that a recipe names. */
export function candidatesOf({student}: Pick<Recipe, 'student'>): readonly StudentBuilder[] {
  return typeof student === 'function' ? [student] : student;
}
