import {tensorInputs} from '../data/batch.ts';
import {isLabelled} from '../data/split.ts';
import {countWritten} from '../data/texts/written.ts';
import {imagesOf} from '../data/view.ts';
import {readFolder} from '../encoder/folder.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {planOf} from '../select/options.ts';
import {featureShapes} from '../student/forward.ts';
import type {ResolvedRecipe} from './resolved.ts';
import {builtFor} from './vectors.ts';

/**
 * Checks that the methods and students of a recipe can learn what they are to learn from its data.
 *
 * @throws InputError if one can't
 */
export function checkResolved(recipe: ResolvedRecipe): void {
  checkTruth(recipe);
  checkWritten(recipe);
  checkAssistant(recipe);
  checkInputs(recipe);
}

/**
 * Checks that nothing learns from true labels, or stops by them, if there are none.
 *
 * @throws InputError
 */
function checkTruth({methods, training, data}: ResolvedRecipe): void {
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
 * Checks that nothing is promised by texts that were written: what a model writes is not drawn as requests are.
 *
 * @throws InputError
 */
function checkWritten({data: {train, written}, calibration}: ResolvedRecipe): void {
  const count = countWritten(train.inputs, written);
  if (count === 0 || calibration?.agreement === undefined) return;
  throw new InputError(
    `\`calibration.agreement\` promises something about your own inputs, and ${count} of ${train.inputs.count} training ` +
      'inputs were written by a model. Leave it out, or leave `written` out of the data.',
  );
}

/** @throws InputError if an assistant can't read the inputs, or its encoder is not there */
function checkAssistant({assistant, data: {train}}: ResolvedRecipe): void {
  if (assistant === undefined) return;
  const {kind} = train.inputs;
  const [reads, wanted] = 'encoder' in assistant ? (['text', 'texts'] as const) : (['tensor', 'tensors'] as const);
  if (kind !== reads) {
    const other =
      kind === 'text'
        ? 'Give it an `encoder`.'
        : kind === 'tensor'
          ? 'Give it `model` and `feature`.'
          : 'Leave it out.';
    throw new InputError(`\`assistant\` reads ${wanted}, but the inputs are ${inputsOfKinds(kind)}. ${other}`);
  }
  if ('encoder' in assistant) readFolder(assistant.encoder);
}

/**
 * Checks that methods that choose their inputs have some to choose from, and calls left to choose by; and that the inputs
 * have views if methods learn from them.
 *
 * @throws InputError that names the method
 */
function checkInputs({methods, transfer: {size}, calibrationSizeOf, data: {train}}: ResolvedRecipe): void {
  for (const {method, select, views} of methods) {
    if (select !== undefined) {
      try {
        planOf(train.inputs, {...select, most: size, seed: 0, calibration: calibrationSizeOf(size)});
      } catch (error) {
        throw new InputError(`Method \`${method}\`, \`select\`: ${(error as Error).message}`, {cause: error});
      }
    }
    if (views === undefined) continue;
    const {name, takesPartner} = views.view;
    imagesOf(tensorInputs(train.inputs, `Method \`${method}\` learns from views, and view \`${name}\``), views.view);
    if (takesPartner && size < 2) {
      throw new InputError(
        `Method \`${method}\`: \`${name}\` mixes inputs, and there is one. Raise \`transfer.size\`.`,
      );
    }
  }
}

/**
 * Checks that every student fits the data and has the layers that losses compare.
 *
 * @throws InputError
 */
export function checkStudents({students, task, seeds, methods, givesVectors}: ResolvedRecipe): void {
  for (const build of students) {
    // Its layers are known once it is prepared, which takes answers.
    if (build.preparation) {
      build.preparation.check(task);
      continue;
    }
    const student = builtFor(build, task, seeds[0]!, givesVectors);
    for (const {losses} of methods) {
      for (const {studentFeatures} of losses) featureShapes(student, studentFeatures);
    }
    student.model.dispose();
  }
}
