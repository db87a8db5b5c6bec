import {tensorInputs} from '../data/batch.ts';
import type {Inputs, TensorInputs} from '../data/inputs.ts';
import {readTexts} from '../data/text-reading.ts';
import {InputError} from '../errors.ts';
import type {Student} from './student.ts';

/**
 * Turns inputs into the numbers that a student's preprocessing takes. The numbers of texts take far more memory than
 * the texts, so call it batch by batch. It works in browsers too. Elsewhere call `readInputs`, which also makes
 * embeddings.
 *
 * @throws InputError if the inputs are of another kind than the student reads
 */
export function rawInputs({model, reading}: Student, inputs: Inputs): TensorInputs {
  if (reading === undefined) return tensorInputs(inputs, `Student ${model.name}`);
  if (inputs.kind === 'tensor') throw new InputError(`Student ${model.name} reads texts, but the inputs are tensors.`);
  if (reading.kind !== 'embeddings') return readTexts(inputs.texts, reading);
  throw new InputError(`Student ${model.name} reads texts with an embedding model, which doesn't run here.`);
}
