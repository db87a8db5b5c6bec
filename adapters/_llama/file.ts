import {createHash, type Hash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {resolve} from 'node:path';
import {InputError} from '../../src/errors.ts';

/** Files that were hashed in this process, by path, size and date: a recipe with several teachers reads each one once. */
const hashes = new Map<string, Promise<string>>();

/**
 * SHA-256 of a model's file; of a model in parts, of all of them in order.
 *
 * @throws InputError where a file can't be read
 */
export async function modelHash(path: string): Promise<string> {
  try {
    const parts = partsOf(resolve(path));
    const states = await Promise.all(parts.map(part => stat(part)));
    const key = JSON.stringify(parts.map((part, index) => [part, states[index]!.size, states[index]!.mtimeMs]));
    const hash = hashes.get(key) ?? hashOf(parts);
    hashes.set(key, hash);
    hash.catch(() => hashes.delete(key));
    return await hash;
  } catch (cause) {
    throw new InputError(`The model ${path} can't be read: ${(cause as Error).message}. Check \`path\`.`, {cause});
  }
}

/** llama.cpp finds the other parts of a model by the name of the first one. */
function partsOf(path: string): readonly string[] {
  const [, stem, count] = /^(.*)-00001-of-(\d{5})\.gguf$/.exec(path) ?? [];
  if (stem === undefined) return [path];
  return Array.from({length: Number(count)}, (_, index) => {
    const number = String(index + 1).padStart(5, '0');
    return `${stem}-${number}-of-${count}.gguf`;
  });
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) await addFile(hash, path);
  return hash.digest('hex');
}

async function addFile(hash: Hash, path: string): Promise<void> {
  for await (const chunk of createReadStream(path, {highWaterMark: 2 ** 20})) hash.update(chunk as Buffer);
}
