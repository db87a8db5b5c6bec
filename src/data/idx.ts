import {readFile} from 'node:fs/promises';
import {promisify} from 'node:util';
import {gunzip} from 'node:zlib';
import {InputError} from '../errors.ts';
import {checkOptions, kinds} from '../options.ts';
import {unzippedLimit} from './files.ts';
import {sizeOf, type TensorInputs} from './inputs.ts';
import type {Examples} from './split.ts';

const unzip = promisify(gunzip);

/** An array of bytes with its shape, as an IDX file holds it. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export interface IdxFiles {
  /** Path of the images: bytes [count, height, width] or [count, height, width, channels]. */
  readonly images: string | URL;
  /** Path of the labels: bytes [count]. */
  readonly labels: string | URL;
}

/**
 * Reads images and labels in the format of MNIST (IDX, plain or gzipped). An image of two dimensions gets a channel.
 *
 * @throws InputError if a file is missing, cut short or not an IDX file of the right kind
 */
export async function readIdx(files: IdxFiles): Promise<Examples> {
  checkOptions('readIdx', files, {images: kinds.textOrObject, labels: kinds.textOrObject}, ['images', 'labels']);
  const {images, labels} = files;
  const [imageArray, labelArray] = await Promise.all([readIdxArray(images), readIdxArray(labels)]);
  if (imageArray.shape.length < 3 || labelArray.shape.length !== 1) {
    throw new InputError(
      `Expected images of 3 or 4 dimensions and labels of 1, got ${imageArray.shape.length} in ${images} and ` +
        `${labelArray.shape.length} in ${labels}. Are the two paths swapped?`,
    );
  }
  const [count = 0, height = 0, width = 0, channels = 1] = imageArray.shape;
  if (labelArray.shape[0] !== count) {
    throw new InputError(`${images} holds ${count} images but ${labels} holds ${labelArray.shape[0]} labels.`);
  }
  const inputs: TensorInputs = {
    kind: 'tensor',
    dtype: 'uint8',
    shape: [height, width, channels],
    count,
    data: imageArray.data,
  };
  return {inputs, labels: Int32Array.from(labelArray.data)};
}

/** Reads one IDX file of unsigned bytes, plain or gzipped. */
export async function readIdxArray(path: string | URL): Promise<IdxArray> {
  const bytes = await readBytes(path);
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    throw new InputError(`${path} is not an IDX file: it must begin with two zero bytes.`);
  }
  if (bytes[2] !== 0x08) {
    throw new InputError(`${path} holds IDX type 0x${bytes[2]!.toString(16)}. Only unsigned bytes (0x08) are read.`);
  }
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw new InputError(`${path} is cut short: its header is not whole. Fetch it again.`);
  const shape = Array.from({length: rank}, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const size = sizeOf(shape);
  if (bytes.length - start !== size) {
    throw new InputError(
      `${path} should hold ${size} values (${shape.join(' x ')}) but has ${bytes.length - start}. Fetch it again.`,
    );
  }
  return {shape, data: new Uint8Array(bytes.buffer, bytes.byteOffset + start, size)};
}

async function readBytes(path: string | URL): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new InputError(`Can't read ${path}. Check that it exists and may be read.`, {cause});
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await unzip(bytes, {maxOutputLength: unzippedLimit(bytes.length)});
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new InputError(`${path} unzips to far more bytes than images do. Unzip it yourself if you trust it.`, {
        cause,
      });
    }
    throw new InputError(`${path} can't be unzipped: it is damaged. Fetch it again.`, {cause});
  }
}
