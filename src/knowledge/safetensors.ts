import {bytesOf} from '../data/bytes.ts';
import {replaceFile} from '../data/files.ts';
import {openTensors} from './open-tensors.ts';
import {LENGTH_BYTES, type Tensor} from './tensor.ts';

export interface TensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const ALIGNMENT = 8;

/**
 * Writes a file in the safetensors format (https://github.com/huggingface/safetensors#format). It replaces an older
 * file atomically, once all of it is on disk.
 */
export async function writeTensors(path: string, {metadata, tensors}: TensorFile): Promise<void> {
  // The widest types come first, so that every tensor starts at a multiple of its element's size.
  const ordered = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  await replaceFile(path, async file => {
    await file.writeFile(headerBytes(metadata, ordered));
    // One write per tensor: no second copy in memory, and no limit of 2 GiB on the whole.
    for (const [, {data}] of ordered) await file.writeFile(bytesOf(data));
  });
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
