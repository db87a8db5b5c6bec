import {tensorInputs} from '../data/batch.ts';
import {isLabelled} from '../data/split.ts';
import {imagesOf} from '../data/view.ts';
import {startEngine} from '../engine/engine.ts';
import {InputError, KnowledgeError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {checkAllRead, checkObjective} from '../losses/objective.ts';
import {setApart} from '../recipe/cascade-target.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import {type PlannedMethod, planMethods, type ResolvedRecipe, resolveRecipe} from '../recipe/resolve.ts';
import {planOf} from '../select/options.ts';
import {featureShapes} from '../student/forward.ts';
import {settingsOf} from './tune/settings.ts';

/**
 * Reads the data of a recipe and resolves it. Starts the engine.
 *
 * @throws InputError if the recipe's methods can't learn what they are to learn
 */
export async function readRecipe(recipe: Recipe): Promise<ResolvedRecipe> {
  // Before the data, which may take long to read.
  for (const method of planMethods(recipe.methods).methods) checkMethod(method);
  await startEngine();
  const resolved = resolveRecipe(recipe, await recipe.data());
  checkViews(resolved);
  checkSelections(resolved);
  return resolved;
}

/**
 * Checks that a method can learn from what it sees, and that one to be tuned has something to choose.
 *
 * @throws InputError that names the method
 */
function checkMethod(planned: PlannedMethod): void {
  const {level, method, losses, detail, views} = planned;
  checkObjective(losses, detail, `Method \`${method}\``);
  if (level !== 'none') checkAllRead(losses, detail, `Method \`${method}\``);
  if (planned.tune !== undefined) settingsOf(planned);
  if (level === 'none' && views?.view.takesPartner) {
    throw new InputError(
      `Method \`${method}\` learns from true labels, and what \`${views.view.name}\` shows has none: it is ` +
        'made of two inputs. Give it a level whose teacher says what it is, or a view of one input.',
    );
  }
  const term = losses.find(({needsTrueLabels}) => needsTrueLabels);
  if (term !== undefined && level !== 'none') {
    throw new InputError(
      `Method \`${method}\`: ${term.name} learns from true labels, which a transfer set has none of. ` +
        "Use `hardLabels()`, which takes the teacher's, or `train()` with a live teacher.",
    );
  }
}

/**
 * Checks that the inputs have views if methods learn from them.
 *
 * @throws InputError
 */
function checkViews({
  methods,
  transfer,
  data: {
    train: {inputs},
  },
}: ResolvedRecipe): void {
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
 * Checks that methods that choose their inputs have some to choose from, and calls left to choose by.
 *
 * @throws InputError that names the method
 */
function checkSelections(recipe: ResolvedRecipe): void {
  const {methods, transfer, data} = recipe;
  const calibration = setApart(recipe, transfer.size);
  for (const {method, select} of methods) {
    if (select === undefined) continue;
    try {
      planOf(data.train.inputs, {...select, most: transfer.size, seed: 0, calibration});
    } catch (error) {
      throw new InputError(`Method \`${method}\`, \`select\`: ${(error as Error).message}`, {cause: error});
    }
  }
}

/**
 * Checks that every student fits the data and has the layers that losses compare.
 *
 * @throws InputError
 */
export function checkStudents({students, task, seeds, methods}: ResolvedRecipe): void {
  for (const build of students) {
    const student = build(task, seeds[0]!);
    for (const {losses} of methods) {
      for (const {studentFeatures} of losses) featureShapes(student, studentFeatures);
    }
    student.model.dispose();
  }
}

/**
 * Checks that nothing learns from true labels, or stops by them, if there are none.
 *
 * @throws InputError
 */
export function checkTruth({methods, training, data}: ResolvedRecipe): void {
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
 * Checks that true labels teach a method that learns from them, and no other: one of a level of access learns from the
 * answers of its teacher alone.
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
