import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import type {Input} from '../teacher.ts';
import {checkCount} from './hashed-reading.ts';
import {checkRecordReading, type RecordReading, recordWidth} from './record-reading.ts';
import {checkTextReading, type PlainReading, type TextReading, widthOf} from './text-reading.ts';

/** How an input that is no tensor becomes a student's raw inputs. */
export type Reading = ImageReading | RecordReading | TextReading;

/**
 * How an image becomes pixels: transparent parts get a white ground, and the middle is cut out in the proportions of
 * `height` and `width`, and scaled.
 */
export interface ImageReading {
  readonly kind: 'image';
  /** In pixels. */
  readonly height: number;
  readonly width: number;
  /** 1 for grey, 3 for red, green and blue. */
  readonly channels: 1 | 3;
}

/** True if texts are read. */
export function readsTexts(reading: Reading | undefined): reading is TextReading {
  return reading !== undefined && reading.kind !== 'image' && reading.kind !== 'record';
}

/** True if texts are read without an encoder. */
export function readsPlainTexts(reading: Reading | undefined): reading is PlainReading {
  return readsTexts(reading) && reading.kind !== 'embeddings';
}

/** Most characters that are read of a text; 0 if no texts are read. */
export function lengthRead(reading: Reading | undefined): number {
  return readsTexts(reading) ? reading.length : 0;
}

/** The kind of the inputs that are read; tensors if there is no reading. */
export function kindRead(reading: Reading | undefined): Input['kind'] {
  if (reading === undefined) return 'tensor';
  return reading.kind === 'image' || reading.kind === 'record' ? reading.kind : 'text';
}

/** The error for a student that gets inputs of another kind than it reads. */
export function otherInputs(student: string, reading: Reading | undefined, {kind}: Pick<Input, 'kind'>): InputError {
  const reads = inputsOfKinds(kindRead(reading));
  const verb = reading === undefined ? 'takes numbers' : `reads ${reads}`;
  return new InputError(`Student ${student} ${verb}, but the inputs are ${inputsOfKinds(kind)}.`);
}

/** @throws InputError if a number is out of its range */
export function checkReading(reading: Reading): void {
  if (reading.kind === 'image') checkImageReading(reading);
  else if (reading.kind === 'record') checkRecordReading(reading);
  else checkTextReading(reading);
}

const MOST_PIXELS = 2 ** 12;

/** @throws InputError if a number is out of its range */
export function checkImageReading({height, width, channels}: ImageReading): void {
  checkCount('height', height, 1, MOST_PIXELS);
  checkCount('width', width, 1, MOST_PIXELS);
  if (channels !== 1 && channels !== 3) throw new InputError(`Expected \`channels\` to be 1 or 3, got ${channels}.`);
}

/** The shape of the numbers that an input becomes. */
export function shapeRead(reading: Reading): readonly number[] {
  if (reading.kind === 'image') return [reading.height, reading.width, reading.channels];
  return [reading.kind === 'record' ? recordWidth(reading) : widthOf(reading)];
}

/** The part that decides the numbers. The paths of a model's files don't. */
export function identityOfReading(reading: Reading): Omit<Reading, 'path' | 'file'> {
  if (reading.kind !== 'embeddings') return reading;
  const {path: _, file: __, ...identity} = reading;
  return identity;
}
