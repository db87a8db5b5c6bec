import type {Inputs, TensorInputs} from '../data/inputs.ts';
import {embedTexts} from './embed-texts.ts';
import {rawInputs} from './raw-inputs.ts';
import type {Student} from './student.ts';

/**
 * Inputs as the numbers that a student's preprocessing takes, as `rawInputs` gives them, and of students on embeddings,
 * too. These take their time: between texts the signal is heard.
 *
 * @throws InputError where they are of another kind than the student reads, or the model of embeddings is missing
 */
export async function readInputs(student: Student, inputs: Inputs, signal?: AbortSignal): Promise<TensorInputs> {
  const {reading} = student;
  if (reading?.kind === 'embeddings' && inputs.kind === 'text') return embedTexts(inputs.texts, reading, signal);
  return rawInputs(student, inputs);
}
