import {createHash} from 'node:crypto';
import {join} from 'node:path';
import type {RootDatabase} from 'lmdb';
import {bytesOf} from '../data/arrays.ts';
import {InputError} from '../errors.ts';
import {isDamagedLmdb, openReplaceableLmdb, Preallocation} from '../store/lmdb/file.ts';
import type {EncodeOptions, Encoder} from './encoder.ts';

/** The number of inputs that are encoded before they are written. A killed process loses no more. */
const MOST_TOGETHER = 1024;

/**
 * Keeps encodings by input and encoder, so that each input is encoded once over all runs. They are in an LMDB file for
 * each encoder, which several processes can use at once. A damaged file is replaced, with a warning, and its inputs are
 * encoded again.
 *
 * @param directory - the folder of a cache, such as `.limbeck`; the files are in `encodings` below it
 * @param contentOf - what decides an encoding: the text itself, or a digest of another input
 * @returns an encoder with the same vectors, which closes the given one when it is closed
 * @throws InputError, when inputs are encoded, if the folder can't be written
 */
export function withKeptEncodings(encoder: Encoder, directory: string): Encoder;
export function withKeptEncodings<T>(
  encoder: Encoder<T>,
  directory: string,
  contentOf: (input: T) => string,
): Encoder<T>;
export function withKeptEncodings<T>(
  encoder: Encoder<T>,
  directory: string,
  contentOf: (input: T) => string = input => input as string,
): Encoder<T> {
  const {name, hash, dimensions} = encoder;
  const path = join(directory, 'encodings', hash);
  let file: KeptFile | undefined;
  return {
    name,
    hash,
    dimensions,
    async encode(inputs, options = {}) {
      file ??= openKept(path);
      return encodeUnknown(encoder, file, {inputs, keys: inputs.map(input => keyOf(contentOf(input)))}, options);
    },
    async close() {
      await file?.database.close();
      file = undefined;
      await encoder.close();
    },
  };
}

interface KeptFile {
  readonly path: string;
  readonly database: RootDatabase<Uint8Array, string>;
  readonly preallocation: Preallocation;
}

function openKept(path: string): KeptFile {
  return writing(path, () => {
    if (isDamagedLmdb(path)) process.emitWarning(`${path} is damaged. Its inputs are encoded again.`);
    const database = openReplaceableLmdb<Uint8Array>(path);
    return {path, database, preallocation: new Preallocation(path, database)};
  });
}

interface KeyedInputs<T> {
  readonly inputs: readonly T[];
  /** Of each input. */
  readonly keys: readonly string[];
}

async function encodeUnknown<T>(
  encoder: Encoder<T>,
  file: KeptFile,
  {inputs, keys}: KeyedInputs<T>,
  {signal, onProgress}: EncodeOptions,
): Promise<Float32Array> {
  const {dimensions} = encoder;
  const vectors = new Float32Array(inputs.length * dimensions);
  const rows = new Map<string, number[]>();
  for (const [row, key] of keys.entries()) {
    const same = rows.get(key);
    if (same === undefined) rows.set(key, [row]);
    else same.push(row);
  }
  let done = 0;
  const fill = (key: string, vector: Float32Array): void => {
    const own = rows.get(key)!;
    for (const row of own) vectors.set(vector, row * dimensions);
    done += own.length;
  };
  const unknown: string[] = [];
  for (const key of rows.keys()) {
    const kept = vectorIn(file.database.get(key), dimensions);
    if (kept === undefined) unknown.push(key);
    else fill(key, kept);
  }
  if (done > 0) onProgress?.(done);
  for (let start = 0; start < unknown.length; start += MOST_TOGETHER) {
    const some = unknown.slice(start, start + MOST_TOGETHER);
    const before = done;
    const made = await encoder.encode(
      some.map(key => inputs[rows.get(key)![0]!]!),
      {signal, onProgress: count => onProgress?.(before + count)},
    );
    const own = some.map((_, index) => made.subarray(index * dimensions, (index + 1) * dimensions));
    write(file, some, own);
    for (const [index, key] of some.entries()) fill(key, own[index]!);
    onProgress?.(done);
  }
  return vectors;
}

const keyOf = (content: string): string => createHash('sha256').update(content).digest('base64');

/** Copies the bytes, because they may begin at any address. Undefined if they are no vector. */
function vectorIn(bytes: Uint8Array | undefined, dimensions: number): Float32Array | undefined {
  if (bytes?.length !== dimensions * Float32Array.BYTES_PER_ELEMENT) return undefined;
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

function write(file: KeptFile, keys: readonly string[], vectors: readonly Float32Array[]): void {
  writing(file.path, () => {
    const values = vectors.map(vector => Buffer.from(bytesOf(vector)));
    file.preallocation.make(values);
    file.database.transactionSync(() => {
      for (const [index, key] of keys.entries()) void file.database.put(key, values[index]!);
    });
  });
}

function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new InputError(
      `Encodings can't be kept in ${path}: ${(cause as Error).message}. Check the folder, its permissions and the free disk space.`,
      {cause},
    );
  }
}
