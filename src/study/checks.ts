import {sameClasses} from '../data/classes.ts';
import {type Dataset, isLabelled, type UnlabelledDataset} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {describeDetail, satisfies} from '../knowledge/coarsen.ts';
import {checkObjective} from '../losses/objective.ts';
import {candidatesOf} from '../recipe/candidates.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {featureShapes} from '../student/forward.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import {detailOfMethod} from './methods.ts';
import {taskOf} from './task.ts';

/**
 * Checks that every method can learn from what it sees.
 *
 * @throws InputError that names the method
 */
export function checkMethods({methods}: Recipe): void {
  for (const method of methods) {
    const seen: Detail = method.level === 'none' ? {kind: 'label'} : detailOfMethod(method);
    checkObjective(method.losses, seen, `Method \`${method.method}\``);
  }
}

/**
 * Checks that every student fits the data and has the layers that losses compare.
 *
 * @throws InputError
 */
export function checkStudents(recipe: Recipe, data: Dataset | UnlabelledDataset): void {
  for (const build of candidatesOf(recipe)) {
    const student = build(taskOf(data, recipe.preprocessing), recipe.seeds[0]!);
    for (const {losses} of recipe.methods) {
      for (const {studentFeatures} of losses) featureShapes(student, studentFeatures);
    }
    student.model.dispose();
  }
}

/**
 * Checks that nothing learns from true labels, or stops by them, where there are none.
 *
 * @throws InputError
 */
export function checkTruth({methods, training}: Recipe, data: Dataset | UnlabelledDataset): void {
  if (isLabelled(data)) return;
  const untaught = methods.find(({level}) => level === 'none');
  if (untaught !== undefined) {
    throw new InputError(
      `Method \`${untaught.method}\` learns from true labels, and the data have none. Leave it out, or give the data labels and a validation split.`,
    );
  }
  if (training.earlyStopping !== undefined) {
    throw new InputError(
      '`training.earlyStopping` needs a validation split with true labels, and the data have none. Leave it out.',
    );
  }
}

/**
 * Checks that a teacher and the data have the same classes in the same order, an index meaning a class to both, and that
 * the teacher gives what the methods of its level learn from.
 *
 * @throws InputError
 */
export function checkTeacher(
  teacher: Teacher,
  access: Access,
  {methods}: Recipe,
  {classes}: Dataset | UnlabelledDataset,
): void {
  const {name, detail} = teacher;
  if (!sameClasses(teacher.classes, classes)) {
    throw new InputError(
      `Teacher ${name} speaks of the classes ${teacher.classes.join(', ')}, the data of ${classes.join(', ')}. ` +
        'Give both the same names in the same order.',
    );
  }
  for (const method of methods) {
    const wanted = detailOfMethod(method);
    if (method.level !== access || satisfies(detail, wanted)) continue;
    throw new InputError(
      `Method \`${method.method}\` learns from ${describeDetail(wanted)}, but ${access} teacher ${name} gives ` +
        `${describeDetail(detail)}. Give the method less, or its level a teacher that shows more.`,
    );
  }
}
