import {setImmediate} from 'node:timers/promises';
import {rawTensor} from '../data/batch.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {misfitOf} from './fit.ts';
import {type InferenceOptions, inferenceOf} from './inference.ts';
import {readInputs} from './read-inputs.ts';
import type {Student} from './student.ts';

export interface PredictOptions extends InferenceOptions {
  /**
   * Inputs in one forward pass.
   *
   * @default 500
   */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/**
 * A student's logits for raw inputs. Other work of the process has its turn between batches.
 *
 * @returns [count, classes], row-major
 * @throws InputError where the inputs are not what the student takes
 */
export async function predictLogits(
  student: Student,
  inputs: Inputs,
  options: PredictOptions = {},
): Promise<Float32Array> {
  const {batchSize = 500, signal} = options;
  const misfit = inputs.kind === 'tensor' && !student.reading ? misfitOf(student, inputs) : undefined;
  if (misfit !== undefined) throw new InputError(misfit);
  const classes = student.classes.length;
  const logits = new Float32Array(inputs.count * classes);
  const infer = inferenceOf(student, [], options);
  for (let start = 0; start < inputs.count; start += batchSize) {
    signal?.throwIfAborted();
    const rows = Int32Array.from({length: Math.min(batchSize, inputs.count - start)}, (_, row) => start + row);
    const raw = await readInputs(student, selectInputs(inputs, rows), signal);
    logits.set(
      infer(() => rawTensor(raw)),
      start * classes,
    );
    await setImmediate();
  }
  return logits;
}
