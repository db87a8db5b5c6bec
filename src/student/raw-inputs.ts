import {tensorInputs} from '../data/batch.ts';
import type {Inputs, RecordInputs, TensorInputs, TextInputs} from '../data/inputs.ts';
import {kindRead, otherInputs} from '../data/reading.ts';
import {recordValues} from '../data/record-reading.ts';
import {readTexts} from '../data/text-reading.ts';
import {InputError} from '../errors.ts';
import type {Student} from './student.ts';

/**
 * Turns inputs into the numbers that a student's preprocessing takes. The numbers of texts take far more memory than
 * the texts, so call it batch by batch. It works in browsers too. Elsewhere call `readInputs`, which also makes
 * embeddings and decodes images.
 *
 * @throws InputError if the inputs are of another kind than the student reads
 */
export function rawInputs({model, reading}: Student, inputs: Inputs): TensorInputs {
  if (reading === undefined) return tensorInputs(inputs, `Student ${model.name}`);
  // Pixels of the right size can stand for images.
  if (reading.kind === 'image' && inputs.kind === 'tensor') return inputs;
  if (kindRead(reading) !== inputs.kind) throw otherInputs(model.name, reading, inputs);
  if (reading.kind === 'record') return recordValues((inputs as RecordInputs).records, reading);
  if (reading.kind === 'image') throw new InputError(`Student ${model.name} reads images, which are not decoded here.`);
  if (reading.kind !== 'embeddings') return readTexts((inputs as TextInputs).texts, reading);
  throw new InputError(`Student ${model.name} reads texts with an embedding model, which doesn't run here.`);
}
