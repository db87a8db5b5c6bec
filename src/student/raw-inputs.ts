import {tensorInputs} from '../data/batch.ts';
import type {Inputs, TensorInputs} from '../data/inputs.ts';
import {readTexts} from '../data/text-reading.ts';
import {InputError} from '../errors.ts';
import type {Student} from './student.ts';

/**
 * Inputs as the numbers that a student's preprocessing takes. Of texts they take far more room: to be called batch by
 * batch. It works in browsers, too; elsewhere call `readInputs`, which also makes embeddings.
 *
 * @throws InputError where they are of another kind than the student reads
 */
export function rawInputs({model, reading}: Student, inputs: Inputs): TensorInputs {
  if (reading === undefined) return tensorInputs(inputs, `Student ${model.name}`);
  if (inputs.kind === 'tensor') throw new InputError(`Student ${model.name} reads texts, but the inputs are tensors.`);
  if (reading.kind !== 'embeddings') return readTexts(inputs.texts, reading);
  throw new InputError(`Student ${model.name} reads texts by a model of embeddings, which doesn't run here.`);
}
