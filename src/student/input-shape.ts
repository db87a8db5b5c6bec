import {sizeOf} from '../data/inputs.ts';
import type {layers} from '../engine/tf.ts';
import type {TensorInput} from '../teacher.ts';
import type {Student} from './student.ts';

/** Shape of one input. A dimension of variable length is null. */
export function inputShapeOf(model: layers.LayersModel): readonly (number | null)[] {
  return model.inputs[0]!.shape.slice(1);
}

/** Formats a shape for messages. */
export function shown(shape: readonly (number | null)[]): string {
  return `[${shape.map(length => length ?? '?').join(', ')}]`;
}

/** True if a student takes tensors: of a student of images, they are pixels. */
export function takesTensors({reading}: Pick<Student, 'reading'>): boolean {
  return reading === undefined || reading.kind === 'image';
}

/** The reason, as a sentence, why a student can't take raw inputs of this shape and type. Undefined if it can. */
export function misfitOf(
  {model, dtype}: Student,
  inputs: Pick<TensorInput, 'shape' | 'dtype' | 'data'> & {readonly count?: number},
): string | undefined {
  const wanted = inputShapeOf(model);
  const {shape, count = 1, data} = inputs;
  if (shape.length !== wanted.length || !wanted.every((length, axis) => length === null || length === shape[axis])) {
    return `Student ${model.name} takes inputs of shape ${shown(wanted)}, got ${shown(shape)}.`;
  }
  if (dtype !== undefined && inputs.dtype !== dtype) {
    return `Student ${model.name} takes raw ${dtype} inputs, got ${inputs.dtype}. Its preprocessing is for ${dtype} values.`;
  }
  if (data.length !== count * sizeOf(shape)) {
    return `An input of shape ${shown(shape)} holds ${sizeOf(shape)} values, got ${data.length / count}.`;
  }
  return undefined;
}
