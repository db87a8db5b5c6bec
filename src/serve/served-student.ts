import {sizeOf} from '../data/inputs.ts';
import {inputShapeOf} from '../student/input-shape.ts';
import type {Student} from '../student/student.ts';
import type {Teacher} from '../teacher.ts';
import type {ServeOptions} from './server.ts';

/** The number of passes after which everything is compiled. */
const WARM = 30;

/** Compiles the model and the code that reads texts now, so that the first requests don't wait for it. */
export async function warmUp(teacher: Teacher, {model, dtype = 'float32', reading}: Student): Promise<void> {
  if (reading !== undefined) {
    const text = 'Some words, and 1 number. '.repeat(100);
    for (let pass = 0; pass < WARM; pass++) await teacher.ask([{input: {kind: 'text', text}}]);
    return;
  }
  const shape = inputShapeOf(model).filter(length => length !== null);
  // A model without a fixed shape is compiled when the first input arrives.
  if (shape.length !== inputShapeOf(model).length) return;
  const data = new {uint8: Uint8Array, int32: Int32Array, float32: Float32Array}[dtype](sizeOf(shape));
  await teacher.ask([{input: {kind: 'tensor', dtype, shape, data}}]);
}

/** The model's input, if its shape is fixed. Clients can read it, and other inputs are refused at once. */
export function servedInput({model, dtype, reading}: Student): Pick<ServeOptions, 'input'> {
  if (reading !== undefined) return {input: {kind: 'text'}};
  const shape = inputShapeOf(model).filter(length => length !== null);
  return dtype !== undefined && shape.length === inputShapeOf(model).length
    ? {input: {kind: 'tensor', shape, dtype}}
    : {};
}
