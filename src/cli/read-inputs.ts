import {createReadStream} from 'node:fs';
import {open} from 'node:fs/promises';
import {readLines, unreadableFile} from '../data/files.ts';
import {readIdxArray} from '../data/idx.ts';
import {sizeOf, type TensorInputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {inputShapeOf} from '../student/input-shape.ts';
import type {Student} from '../student/student.ts';
import type {TensorInput} from '../teacher.ts';

/** The first two bytes of an IDX file, plain or gzipped. */
const IDX_STARTS = [0x0000, 0x1f8b];

/** Reads inputs for a student from an IDX file (plain or gzipped), or from JSON lines. `-` means stdin. */
export async function readInputs(file: string, {model, dtype = 'float32'}: Student): Promise<TensorInputs> {
  const shape = inputShapeOf(model).map(length => length ?? 0);
  if (file !== '-' && (await looksLikeIdx(file))) return idxInputs(file, shape);
  return jsonInputs(file, shape, dtype);
}

async function looksLikeIdx(file: string): Promise<boolean> {
  try {
    const handle = await open(file);
    try {
      const {buffer, bytesRead} = await handle.read(Buffer.alloc(2), 0, 2, 0);
      return bytesRead === 2 && IDX_STARTS.includes(buffer.readUInt16BE());
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unreadableFile(file, cause);
  }
}

async function idxInputs(file: string, shape: readonly number[]): Promise<TensorInputs> {
  const {shape: all, data} = await readIdxArray(file);
  const count = all[0] ?? 0;
  if (data.length !== count * sizeOf(shape)) {
    throw new InputError(`${file} holds values of shape [${all.slice(1)}], but the student takes [${shape}].`);
  }
  return {kind: 'tensor', dtype: 'uint8', shape, count, data};
}

const wholeFrom = (low: number, high: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= low && (value as number) <= high;

/** The valid values of each type. Typed arrays would silently wrap or truncate others. */
const VALUES = {
  uint8: {array: Uint8Array, takes: wholeFrom(0, 255), meaning: 'a whole number from 0 to 255'},
  int32: {array: Int32Array, takes: wholeFrom(-(2 ** 31), 2 ** 31 - 1), meaning: 'a whole number of 32 bits'},
  float32: {array: Float32Array, takes: Number.isFinite, meaning: 'a number'},
} as const;

async function jsonInputs(file: string, shape: readonly number[], dtype: TensorInput['dtype']): Promise<TensorInputs> {
  const lines = readLines(file === '-' ? process.stdin : createReadStream(file));
  const rows: number[][] = [];
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text.trim() !== '') rows.push(readRow(text, `${file === '-' ? 'stdin' : file}, line ${line}`, shape, dtype));
  }
  return {kind: 'tensor', dtype, shape, count: rows.length, data: VALUES[dtype].array.from(rows.flat())};
}

function readRow(text: string, where: string, shape: readonly number[], dtype: TensorInput['dtype']): number[] {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${where}: not JSON. Write one array of numbers on each line.`, {cause});
  }
  const flat: unknown[] = Array.isArray(values) ? values.flat(Number.POSITIVE_INFINITY) : [];
  if (flat.length !== sizeOf(shape)) {
    throw new InputError(`${where}: expected ${sizeOf(shape)} numbers ([${shape}]), got ${flat.length}.`);
  }
  const {takes, meaning} = VALUES[dtype];
  const wrong = flat.findIndex(value => !takes(value));
  if (wrong < 0) return flat as number[];
  throw new InputError(`${where}: value ${wrong} is ${JSON.stringify(flat[wrong])}, but the student takes ${meaning}.`);
}
