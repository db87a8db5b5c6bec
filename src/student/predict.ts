import {setImmediate} from 'node:timers/promises';
import {batchTensor, tensorInputs} from '../data/batch.ts';
import type {Inputs} from '../data/inputs.ts';
import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {misfitOf} from './fit.ts';
import {outputsOf} from './forward.ts';
import {preprocess} from './preprocessing.ts';
import type {Student} from './student.ts';

export interface PredictOptions {
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
  {batchSize = 500, signal}: PredictOptions = {},
): Promise<Float32Array> {
  const tensors = tensorInputs(inputs, `Student ${student.model.name}`);
  const misfit = misfitOf(student, tensors);
  if (misfit !== undefined) throw new InputError(misfit);
  const classes = student.classes.length;
  const logits = new Float32Array(inputs.count * classes);
  const forward = outputsOf(student, []);
  for (let start = 0; start < inputs.count; start += batchSize) {
    signal?.throwIfAborted();
    const rows = Int32Array.from({length: Math.min(batchSize, inputs.count - start)}, (_, row) => start + row);
    const values = tf.tidy(() => {
      const batch = preprocess(batchTensor(tensors, rows), student.preprocessing);
      return forward(batch, {training: false}).logits.dataSync<'float32'>();
    });
    logits.set(values, start * classes);
    await setImmediate();
  }
  return logits;
}
