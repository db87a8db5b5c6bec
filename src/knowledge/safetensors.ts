import {read} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import {z} from 'zod';
import {bytesOf} from '../data/arrays.ts';
import {replaceFile} from '../data/files.ts';
import {sizeOf} from '../data/inputs.ts';
import {KnowledgeError} from '../errors.ts';

export interface TensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const ALIGNMENT = 8;

/**
 * Writes a file in the safetensors format (https://github.com/huggingface/safetensors#format). It replaces an older
 * file atomically, once all of it is on disk.
 */
export async function writeTensors(path: string, content: TensorFile): Promise<void> {
  await replaceFile(path, async file => {
    for (const piece of tensorBytes(content)) await file.writeFile(piece);
  });
}

/** The bytes of a file in the safetensors format, in pieces: no second copy in memory, and no limit of 2 GiB on the whole. */
export function tensorBytes({metadata, tensors}: TensorFile): readonly Uint8Array[] {
  // The widest types come first, so that every tensor starts at a multiple of its element's size.
  const ordered = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  return [headerBytes(metadata, ordered), ...ordered.map(([, {data}]) => bytesOf(data))];
}

/**
 * Reads a file in the safetensors format.
 *
 * @throws KnowledgeError, with the path, if the file can't be read or does not hold what its header says
 */
export async function readTensors(path: string): Promise<TensorFile> {
  const file = await openTensors(path);
  try {
    const tensors = new Map<string, Tensor>();
    for (const name of file.tensors.keys()) tensors.set(name, await file.read(name));
    return {metadata: file.metadata, tensors};
  } finally {
    await file.close();
  }
}

function headerBytes(metadata: TensorFile['metadata'], tensors: readonly (readonly [string, Tensor])[]): Uint8Array {
  const header: Record<string, unknown> = {__metadata__: metadata};
  let offset = 0;
  for (const [name, {dtype, shape, data}] of tensors) {
    header[name] = {dtype, shape, data_offsets: [offset, offset + data.byteLength]};
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const bytes = Buffer.alloc(LENGTH_BYTES + length, ' ');
  bytes.writeBigUInt64LE(BigInt(length));
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

/** The element types that limbeck reads, by their names in the format. Floats of 16 bits are read as their bits. */
interface Values {
  U8: Uint8Array;
  I32: Int32Array;
  U32: Uint32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  F32: Float32Array;
  I64: BigInt64Array;
}

export type Dtype = keyof Values;

/** One block of numbers, row-major. */
export type Tensor<D extends Dtype = Dtype> = {
  [K in D]: {readonly dtype: K; readonly shape: readonly number[]; readonly data: Values[K]};
}[D];

/** The arrays that hold values of each type. */
export const ARRAYS: {
  readonly [D in Dtype]: {readonly BYTES_PER_ELEMENT: number; new (length: number): Values[D]};
} = {
  U8: Uint8Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  F32: Float32Array,
  I64: BigInt64Array,
};

/** A file begins with the length of its header, as a whole number of this many bytes. */
export const LENGTH_BYTES = 8 as const;

/** A file in the safetensors format whose tensors are read when they are needed. */
export interface OpenTensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** Every tensor's type and shape. */
  readonly tensors: ReadonlyMap<string, Pick<Tensor, 'dtype' | 'shape'>>;
  /** A whole tensor. */
  read(name: string): Promise<Tensor>;
  /** Pieces of a tensor's values, one after another. All reads are under way at once. */
  readPieces(name: string, pieces: readonly Piece[]): Promise<Tensor['data']>;
  close(): Promise<void>;
}

/** Adjacent values of a tensor. */
export interface Piece {
  readonly start: number;
  readonly length: number;
}

/** The same limit as in the format's own readers, against headers made to exhaust memory. */
const MOST_HEADER_BYTES = 100_000_000;

const whole = z.number().int().nonnegative();
const Entry = z.object({
  dtype: z.literal(Object.keys(ARRAYS) as Dtype[]),
  shape: z.array(whole),
  data_offsets: z.tuple([whole, whole]),
});
type Entry = z.infer<typeof Entry>;
const Header = z.object({__metadata__: z.record(z.string(), z.string()).default({})}).catchall(Entry);

/**
 * Opens a file in the safetensors format. Its reads throw the same errors.
 *
 * @throws KnowledgeError, with the path, if the file can't be read or does not hold what its header says
 */
export async function openTensors(path: string): Promise<OpenTensorFile> {
  return reading(path, async () => {
    const file = await open(path, 'r');
    try {
      const {header, start} = await readHeader(file);
      const {__metadata__: metadata, ...entries} = header;
      checkEntries(entries, (await file.stat()).size - start);
      const locationOf = (name: string) => locationIn(entries, name, start);
      return {
        metadata,
        tensors: new Map(Object.entries(entries)),
        read: name => reading(path, () => readTensor(file, locationOf(name))),
        readPieces: (name, pieces) => reading(path, () => readPieces(file, locationOf(name), pieces)),
        close: () => file.close(),
      };
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new KnowledgeError(
      `${path} can't be read as a safetensors file: ${(cause as Error).message}. Check the path, or make the file again.`,
      {cause},
    );
  }
}

async function readHeader(file: FileHandle): Promise<{header: z.infer<typeof Header>; start: number}> {
  const length = Number((await readValues(file, 0, new BigInt64Array(1)))[0]!);
  if (length < 0 || length > MOST_HEADER_BYTES) throw new Error(`its header claims ${length} bytes`);
  const bytes = await readValues(file, LENGTH_BYTES, new Uint8Array(length));
  const parsed = Header.safeParse(JSON.parse(Buffer.from(bytes.buffer).toString()));
  if (!parsed.success) throw new Error(`its header is not valid:\n${z.prettifyError(parsed.error)}`);
  return {header: parsed.data, start: LENGTH_BYTES + length};
}

/** The tensors must cover the rest of the file without holes, so that a file cut short is found before it is used. */
function checkEntries(entries: Readonly<Record<string, Entry>>, size: number): void {
  let covered = 0;
  const inOrder = Object.entries(entries).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
  for (const [, {data_offsets}] of inOrder) {
    const [begin, end] = data_offsets;
    if (begin !== covered || end < begin) throw new Error(`its tensors leave a hole or overlap at byte ${begin}`);
    covered = end;
  }
  if (covered !== size) throw new Error(`its tensors need ${covered} bytes and it holds ${size}`);
  for (const [name, {dtype, shape, data_offsets}] of inOrder) {
    const bytes = sizeOf(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT;
    const has = data_offsets[1] - data_offsets[0];
    if (bytes !== has) throw new Error(`tensor ${name} needs ${bytes} bytes and has ${has}`);
  }
}

/** The location of a tensor in a file. */
interface TensorLocation extends Pick<Tensor, 'dtype' | 'shape'> {
  /** The position of its first byte. */
  readonly position: number;
}

function locationIn(entries: Readonly<Record<string, Entry>>, name: string, start: number): TensorLocation {
  const entry = entries[name];
  if (entry === undefined) throw new Error(`it has no tensor ${name}`);
  return {dtype: entry.dtype, shape: entry.shape, position: start + entry.data_offsets[0]};
}

async function readTensor(file: FileHandle, {dtype, shape, position}: TensorLocation): Promise<Tensor> {
  return {dtype, shape, data: await readValues(file, position, new ARRAYS[dtype](sizeOf(shape)))} as Tensor;
}

async function readValues<T extends NodeJS.TypedArray>(file: FileHandle, position: number, values: T): Promise<T> {
  const bytes = bytesOf(values);
  for (let done = 0; done < bytes.length; ) {
    const {bytesRead} = await file.read(bytes, done, Math.min(bytes.length - done, 1 << 30), position + done);
    if (bytesRead === 0) throw new Error('it ends too early');
    done += bytesRead;
  }
  return values;
}

function checkPieces(pieces: readonly Piece[], size: number): void {
  for (const {start, length} of pieces) {
    if (!(start >= 0 && length >= 0 && start + length <= size)) {
      throw new RangeError(`it has no values from ${start} to ${start + length}`);
    }
  }
}

/** Callbacks cost half of what promises cost: the reads continue in other threads while this one computes. */
function readPieces({fd}: FileHandle, location: TensorLocation, pieces: readonly Piece[]): Promise<Tensor['data']> {
  const {dtype, shape, position} = location;
  checkPieces(pieces, sizeOf(shape));
  const values = new ARRAYS[dtype](pieces.reduce((sum, {length}) => sum + length, 0));
  const [bytes, width] = [bytesOf(values), values.BYTES_PER_ELEMENT];
  return new Promise((resolve, reject) => {
    let [done, left] = [0, pieces.length];
    let failure: Error | undefined;
    const settle = () => (failure === undefined ? resolve(values) : reject(failure));
    if (left === 0) settle();
    for (const {start, length} of pieces) {
      read(fd, bytes, done * width, length * width, position + start * width, (error, bytesRead) => {
        failure ??= error ?? (bytesRead < length * width ? new Error('it ends too early') : undefined);
        if (--left === 0) settle();
      });
      done += length;
    }
  });
}
