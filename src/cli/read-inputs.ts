import {createReadStream} from 'node:fs';
import {open} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {readIdxArray} from '../data/idx.ts';
import {sizeOf, type TensorInputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {inputShapeOf} from '../student/make-student.ts';
import type {Student} from '../student/student.ts';
import type {TensorInput} from '../teacher.ts';

/** Reads inputs for a student: an IDX file (plain or gzipped), or JSON lines, `-` being stdin. */
export async function readInputs(file: string, {model, dtype = 'float32'}: Student): Promise<TensorInputs> {
  const shape = inputShapeOf(model).map(length => length ?? 0);
  if (file !== '-' && (await looksLikeIdx(file))) return idxInputs(file, shape);
  return jsonInputs(file, shape, dtype);
}

async function looksLikeIdx(file: string): Promise<boolean> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file);
  } catch (cause) {
    throw new InputError(`Can't read ${file}. Check that it is there and may be read.`, {cause});
  }
  try {
    const {buffer} = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return (buffer[0] === 0 && buffer[1] === 0) || (buffer[0] === 0x1f && buffer[1] === 0x8b);
  } finally {
    await handle.close();
  }
}

async function idxInputs(file: string, shape: readonly number[]): Promise<TensorInputs> {
  const {shape: all, data} = await readIdxArray(file);
  const count = all[0] ?? 0;
  if (data.length !== count * sizeOf(shape)) {
    throw new InputError(`${file} holds values of shape [${all.slice(1)}], and the student takes [${shape}].`);
  }
  return {kind: 'tensor', dtype: 'uint8', shape, count, data};
}

const ARRAYS = {uint8: Uint8Array, int32: Int32Array, float32: Float32Array} as const;

async function jsonInputs(file: string, shape: readonly number[], dtype: TensorInput['dtype']): Promise<TensorInputs> {
  const lines = createInterface({input: file === '-' ? process.stdin : createReadStream(file), crlfDelay: Infinity});
  const rows: number[][] = [];
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text.trim() !== '') rows.push(readRow(text, `${file === '-' ? 'stdin' : file}, line ${line}`, shape));
  }
  return {kind: 'tensor', dtype, shape, count: rows.length, data: ARRAYS[dtype].from(rows.flat())};
}

function readRow(text: string, where: string, shape: readonly number[]): number[] {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${where}: not JSON. Write one array of numbers a line.`, {cause});
  }
  const flat = Array.isArray(values) ? values.flat(Number.POSITIVE_INFINITY) : [];
  if (flat.length !== sizeOf(shape) || !flat.every(Number.isFinite)) {
    throw new InputError(`${where}: expected ${sizeOf(shape)} numbers ([${shape}]), got ${flat.length}.`);
  }
  return flat as number[];
}
