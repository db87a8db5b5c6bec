import {tensorInputs} from '../data/batch.ts';
import {sameClasses} from '../data/classes.ts';
import {type Dataset, isLabelled, type UnlabelledDataset} from '../data/split.ts';
import {imagesOf} from '../data/view.ts';
import {InputError, KnowledgeError} from '../errors.ts';
import {describeDetail, satisfies} from '../knowledge/coarsen.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {checkAllRead, checkObjective} from '../losses/objective.ts';
import {candidatesOf} from '../recipe/candidates.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import {featureShapes} from '../student/forward.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import {askedBy, inquiriesOf} from './inquiries.ts';
import {detailOfMethod} from './methods.ts';
import {taskOf} from './task.ts';
import {settingsOf} from './tune/settings.ts';
import {viewingOf} from './viewing.ts';

/**
 * Checks that every method can learn from what it sees, and that those to be tuned have something to choose.
 *
 * @throws InputError that names the method
 */
export function checkMethods({methods}: Recipe): void {
  for (const method of methods) {
    const seen: Detail = method.level === 'none' ? {kind: 'label'} : detailOfMethod(method);
    checkObjective(method.losses, seen, `Method \`${method.method}\``);
    if (method.level !== 'none') checkAllRead(method.losses, seen, `Method \`${method.method}\``);
    if (method.tune !== undefined) settingsOf(method);
    if (method.level === 'none' && method.views?.view.takesPartner) {
      throw new InputError(
        `Method \`${method.method}\` learns from true labels, and what \`${method.views.view.name}\` shows has none: it is ` +
          'made of two inputs. Give it a level whose teacher says what it is, or a view of one input.',
      );
    }
    const term = method.losses.find(({needsTrueLabels}) => needsTrueLabels);
    if (term !== undefined && method.level !== 'none') {
      throw new InputError(
        `Method \`${method.method}\`: ${term.name} learns from true labels, which a transfer set has none of. ` +
          "Use `hardLabels()`, which takes the teacher's, or `train()` with a live teacher.",
      );
    }
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
 * Checks that the inputs have views where methods learn from them.
 *
 * @throws InputError
 */
export function checkViews({methods, transfer}: Recipe, {train: {inputs}}: Dataset | UnlabelledDataset): void {
  for (const {method, views} of methods) {
    if (views === undefined) continue;
    const {name, takesPartner} = views.view;
    imagesOf(tensorInputs(inputs, `Method \`${method}\` learns from views, and view \`${name}\``), views.view);
    if (takesPartner && transfer.size < 2) {
      throw new InputError(
        `Method \`${method}\`: \`${name}\` mixes inputs, and there is one. Raise \`transfer.size\`.`,
      );
    }
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
 * Checks that a level's teacher and the data have the same classes in the same order, an index meaning a class to both, and
 * that it gives what the methods of its level learn from: as it is, or as they ask it.
 *
 * @throws InputError
 */
export function checkTeacher(
  teacher: Teacher,
  access: Access,
  recipe: Recipe,
  {classes}: Dataset | UnlabelledDataset,
): void {
  checkClasses(teacher, classes);
  for (const inquiry of inquiriesOf(recipe)) {
    if (inquiry.level !== access) continue;
    const asked = askedBy(inquiry, teacher);
    if (inquiry.own?.asks) checkAsked(asked, inquiry.own);
    checkClasses(asked, classes);
    for (const method of inquiry.methods) {
      checkDetail(asked, method);
      checkBalance(recipe, teacher, method);
    }
  }
}

/** What `asks` gives back is the recipe's. */
function checkAsked(asked: Teacher | undefined, {method}: Method): void {
  if (typeof asked?.ask === 'function') return;
  throw new InputError(
    `Method \`${method}\`: \`asks\` gives back no teacher. Give back what is asked, for example ` +
      '`teacher => repeat(teacher, {samples: 32})`.',
  );
}

function checkClasses({name, classes: own}: Teacher, classes: readonly string[]): void {
  if (!sameClasses(own, classes)) {
    throw new InputError(
      `Teacher ${name} speaks of the classes ${own.join(', ')}, the data of ${classes.join(', ')}. ` +
        'Give both the same names in the same order.',
    );
  }
}

function checkDetail({name, detail}: Teacher, method: Method): void {
  const wanted = detailOfMethod(method);
  if (satisfies(detail, wanted)) return;
  throw new InputError(
    `Method \`${method.method}\` learns from ${describeDetail(wanted)}, but ${method.level} teacher ${name} gives ` +
      `${describeDetail(detail)}. Give the method less, or its level a teacher that shows more.`,
  );
}

function checkBalance(recipe: Recipe, teacher: Teacher, method: Method): void {
  const {balance = 0} = recipe.training;
  if (balance === 0 || viewingOf({recipe, teacherOf: () => teacher}, method).teacher === undefined) return;
  throw new InputError(
    `Method \`${method.method}\` learns from views that its teacher answers while students are trained, and \`training.balance\` ` +
      'goes by what was answered before. Give `views.count`, or leave `balance` out.',
  );
}

/**
 * Checks that true labels teach a method that learns from them, and no other: one of a level of access learns from what
 * its teacher answered alone.
 *
 * @throws KnowledgeError
 */
export function checkSource({level, method}: Method, {source}: Pick<Knowledge, 'source'>): void {
  if ((source.access === 'truth') === (level === 'none')) return;
  const [wanted, given] =
    level === 'none'
      ? ['true labels', `the answers of a ${source.access} teacher`]
      : [`the answers of a ${level} teacher`, 'true labels'];
  throw new KnowledgeError(
    `Method \`${method}\` learns from ${wanted}, and the knowledge that it was given holds ${given}. Ask its teacher anew: \`limbeck label\`.`,
  );
}
