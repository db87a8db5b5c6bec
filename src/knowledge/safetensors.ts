import {randomUUID} from 'node:crypto';
import {type FileHandle, open, rename, unlink} from 'node:fs/promises';
import {z} from 'zod';
import {sizeOf} from '../data/inputs.ts';
import {KnowledgeError} from '../errors.ts';

/** The element types that limbeck writes, by their names in the format. */
interface Values {
  U8: Uint8Array;
  I32: Int32Array;
  U32: Uint32Array;
  F32: Float32Array;
  I64: BigInt64Array;
}

export type Dtype = keyof Values;

/** One block of numbers, row-major. */
export type Tensor<D extends Dtype = Dtype> = {
  [K in D]: {readonly dtype: K; readonly shape: readonly number[]; readonly data: Values[K]};
}[D];

export interface TensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const ARRAYS = {U8: Uint8Array, I32: Int32Array, U32: Uint32Array, F32: Float32Array, I64: BigInt64Array} as const;
const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
/** As the format's own readers have it, against headers made to exhaust memory. */
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
 * Writes a file in the safetensors format (https://github.com/huggingface/safetensors#format). It replaces an older
 * one in one step, once all of it is on disk.
 */
export async function writeTensors(path: string, {metadata, tensors}: TensorFile): Promise<void> {
  // The widest types first, so that every tensor starts at a multiple of its element's size.
  const ordered = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  await replaceFile(path, async file => {
    await file.writeFile(headerBytes(metadata, ordered));
    // One write a tensor: no second copy in memory, and no limit of 2 GiB on the whole.
    for (const [, {data}] of ordered) await file.writeFile(bytesOf(data));
  });
}

/**
 * Reads a file in the safetensors format.
 *
 * @throws KnowledgeError, with the path, where the file can't be read or does not hold what its header says
 */
export async function readTensors(path: string): Promise<TensorFile> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const {header, start} = await readHeader(file);
    const {__metadata__: metadata, ...entries} = header;
    checkExtent(entries, (await file.stat()).size - start);
    const tensors = new Map<string, Tensor>();
    for (const [name, entry] of Object.entries(entries)) tensors.set(name, await readTensor(file, start, name, entry));
    return {metadata, tensors};
  } catch (cause) {
    throw new KnowledgeError(
      `${path} can't be read as a safetensors file: ${(cause as Error).message}. Check the path, or make the file again.`,
      {cause},
    );
  } finally {
    await file?.close();
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

async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw new KnowledgeError(
      `${path} can't be written: ${(cause as Error).message}. Check the folder, its permissions and the free disk space.`,
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

/** The tensors must cover the rest of the file without holes, so a file cut short is found before it is used. */
function checkExtent(entries: Readonly<Record<string, Entry>>, size: number): void {
  let covered = 0;
  for (const {data_offsets} of Object.values(entries).sort((a, b) => a.data_offsets[0] - b.data_offsets[0])) {
    const [begin, end] = data_offsets;
    if (begin !== covered || end < begin) throw new Error(`its tensors leave a hole or overlap at byte ${begin}`);
    covered = end;
  }
  if (covered !== size) throw new Error(`its tensors need ${covered} bytes and it holds ${size}`);
}

async function readTensor(file: FileHandle, start: number, name: string, entry: Entry): Promise<Tensor> {
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = entry;
  const length = sizeOf(shape);
  const bytes = length * ARRAYS[dtype].BYTES_PER_ELEMENT;
  if (bytes !== end - begin) throw new Error(`tensor ${name} needs ${bytes} bytes and has ${end - begin}`);
  return {dtype, shape, data: await readValues(file, start + begin, new ARRAYS[dtype](length))} as Tensor;
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

function bytesOf({buffer, byteOffset, byteLength}: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
