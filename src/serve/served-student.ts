import {sizeOf} from '../data/inputs.ts';
import {inputShapeOf} from '../student/input-shape.ts';
import type {Student} from '../student/student.ts';
import type {Teacher} from '../teacher.ts';
import type {ServeOptions} from './server.ts';

/** Passes after which nothing is compiled any more. */
const WARM = 30;

/** Compiles the model now, and what reads texts, so that the first requests do not wait for it. */
export async function warmUp(teacher: Teacher, {model, dtype = 'float32', reading}: Student): Promise<void> {
  if (reading !== undefined) {
    const text = 'Some words, and 1 number. '.repeat(100);
    for (let pass = 0; pass < WARM; pass++) await teacher.ask([{input: {kind: 'text', text}}]);
    return;
  }
  const shape = inputShapeOf(model).filter(length => length !== null);
  // A model that takes any shape is compiled for the one that comes.
  if (shape.length !== inputShapeOf(model).length) return;
  const data = new {uint8: Uint8Array, int32: Int32Array, float32: Float32Array}[dtype](sizeOf(shape));
  await teacher.ask([{input: {kind: 'tensor', dtype, shape, data}}]);
}

/** The input that the model takes, if it is fixed: clients are told, and other inputs are refused at once. */
export function servedInput({model, dtype, reading}: Student): Pick<ServeOptions, 'input'> {
  if (reading !== undefined) return {input: {kind: 'text'}};
  const shape = inputShapeOf(model).filter(length => length !== null);
  return dtype !== undefined && shape.length === inputShapeOf(model).length
    ? {input: {kind: 'tensor', shape, dtype}}
    : {};
}
