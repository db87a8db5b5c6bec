import {setImmediate} from 'node:timers/promises';
import {type Inputs, selectInputs, sizeOf} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {featureShapes, outputWidth} from './forward.ts';
import {type InferenceOptions, inferenceOf} from './inference.ts';
import {misfitOf, takesTensors} from './input-shape.ts';
import {readInputs} from './read-inputs.ts';
import type {Student} from './student.ts';

export interface PredictOptions extends InferenceOptions {
  /**
   * Inputs in one forward pass.
   *
   * @default 500
   */
  readonly batchSize?: number;
  readonly signal?: AbortSignal | undefined;
}

const KINDS = {
  batchSize: kinds.number,
  signal: kinds.object,
  compile: kinds.flag,
  onFallback: kinds.call,
} satisfies Shape<PredictOptions>;

/**
 * Computes a student's logits for raw inputs, or its vectors if it gives these. Other work of the process gets a turn
 * between batches.
 *
 * @returns [count, classes or dimensions], row-major
 * @throws InputError if the inputs don't fit the student
 */
export async function predictLogits(
  student: Student,
  inputs: Inputs,
  options: PredictOptions = {},
): Promise<Float32Array> {
  checkOptions('predictLogits', options, KINDS);
  return predictActivations(student, inputs, [], options);
}

/**
 * Computes a student's logits for raw inputs, and the activations of named layers, as `predictLogits` computes logits.
 *
 * @returns [count, width], row-major: the logits of each input, then the activations in order
 * @throws InputError if the inputs don't fit the student, or it has no layer of that name
 */
export async function predictActivations(
  student: Student,
  inputs: Inputs,
  layerNames: readonly string[],
  options: PredictOptions = {},
): Promise<Float32Array> {
  const {batchSize = 500, signal} = options;
  const misfit = inputs.kind === 'tensor' && takesTensors(student) ? misfitOf(student, inputs) : undefined;
  if (misfit !== undefined) throw new InputError(misfit);
  const shapes = Object.values(featureShapes(student, layerNames));
  const width = shapes.reduce((sum, shape) => sum + sizeOf(shape), outputWidth(student));
  const outputs = new Float32Array(inputs.count * width);
  const infer = inferenceOf(student, layerNames, options);
  for (let start = 0; start < inputs.count; start += batchSize) {
    signal?.throwIfAborted();
    const rows = Int32Array.from({length: Math.min(batchSize, inputs.count - start)}, (_, row) => start + row);
    const raw = await readInputs(student, selectInputs(inputs, rows), signal);
    outputs.set(infer(raw), start * width);
    await setImmediate();
  }
  return outputs;
}
