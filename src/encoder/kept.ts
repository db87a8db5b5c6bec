import {createHash} from 'node:crypto';
import {join} from 'node:path';
import type {RootDatabase} from 'lmdb';
import {bytesOf} from '../data/arrays.ts';
import {InputError} from '../errors.ts';
import {isDamagedLmdb, openReplaceableLmdb, Preallocation} from '../store/lmdb/file.ts';
import type {EncodeOptions, Encoder} from './encoder.ts';

/** The number of texts that are encoded before they are written. A killed process loses no more. */
const MOST_TOGETHER = 1024;

/**
 * Keeps encodings by text and encoder, so that each text is encoded once over all runs. They are in an LMDB file for
 * each encoder, which several processes can use at once. A damaged file is replaced, with a warning, and its texts are
 * encoded again.
 *
 * @param directory - the folder of a cache, such as `.limbeck`; the files are in `encodings` below it
 * @returns an encoder with the same vectors, which closes the given one when it is closed
 * @throws InputError, when texts are encoded, if the folder can't be written
 */
export function withKeptEncodings(encoder: Encoder, directory: string): Encoder {
  const {name, hash, dimensions} = encoder;
  const path = join(directory, 'encodings', hash);
  let file: KeptFile | undefined;
  return {
    name,
    hash,
    dimensions,
    async encode(texts, options = {}) {
      file ??= openKept(path);
      return encodeUnknown(encoder, file, texts, options);
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
    if (isDamagedLmdb(path)) process.emitWarning(`${path} is damaged. Its texts are encoded again.`);
    const database = openReplaceableLmdb<Uint8Array>(path);
    return {path, database, preallocation: new Preallocation(path, database)};
  });
}

async function encodeUnknown(
  encoder: Encoder,
  file: KeptFile,
  texts: readonly string[],
  {signal, onProgress}: EncodeOptions,
): Promise<Float32Array> {
  const {dimensions} = encoder;
  const vectors = new Float32Array(texts.length * dimensions);
  const rows = new Map<string, number[]>();
  for (const [row, text] of texts.entries()) {
    const same = rows.get(text);
    if (same === undefined) rows.set(text, [row]);
    else same.push(row);
  }
  let done = 0;
  const fill = (text: string, vector: Float32Array): void => {
    const own = rows.get(text)!;
    for (const row of own) vectors.set(vector, row * dimensions);
    done += own.length;
  };
  const unknown: string[] = [];
  for (const text of rows.keys()) {
    const kept = vectorIn(file.database.get(keyOf(text)), dimensions);
    if (kept === undefined) unknown.push(text);
    else fill(text, kept);
  }
  if (done > 0) onProgress?.(done);
  for (let start = 0; start < unknown.length; start += MOST_TOGETHER) {
    const some = unknown.slice(start, start + MOST_TOGETHER);
    const before = done;
    const made = await encoder.encode(some, {signal, onProgress: count => onProgress?.(before + count)});
    const own = some.map((_, index) => made.subarray(index * dimensions, (index + 1) * dimensions));
    write(file, some, own);
    for (const [index, text] of some.entries()) fill(text, own[index]!);
    onProgress?.(done);
  }
  return vectors;
}

const keyOf = (text: string): string => createHash('sha256').update(text).digest('base64');

/** Copies the bytes, because they may begin at any address. Undefined if they are no vector. */
function vectorIn(bytes: Uint8Array | undefined, dimensions: number): Float32Array | undefined {
  if (bytes?.length !== dimensions * Float32Array.BYTES_PER_ELEMENT) return undefined;
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

function write(file: KeptFile, texts: readonly string[], vectors: readonly Float32Array[]): void {
  writing(file.path, () => {
    const values = vectors.map(vector => Buffer.from(bytesOf(vector)));
    file.preallocation.make(values);
    file.database.transactionSync(() => {
      for (const [index, text] of texts.entries()) void file.database.put(keyOf(text), values[index]!);
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
