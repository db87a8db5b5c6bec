import {tensorInputs} from '../data/batch.ts';
import type {Inputs, TensorInputs} from '../data/inputs.ts';
import {hashTexts} from '../data/text-hashing.ts';
import {InputError} from '../errors.ts';
import type {Student} from './student.ts';

/**
 * Inputs as the numbers that a student's preprocessing takes. Of texts they take far more room: to be called batch by
 * batch.
 *
 * @throws InputError where they are of another kind than the student reads
 */
export function rawInputs({model, hashing}: Student, inputs: Inputs): TensorInputs {
  if (hashing === undefined) return tensorInputs(inputs, `Student ${model.name}`);
  if (inputs.kind === 'text') return hashTexts(inputs.texts, hashing);
  throw new InputError(`Student ${model.name} reads texts, but the inputs are tensors.`);
}
