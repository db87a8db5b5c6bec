import {homedir} from 'node:os';
import {join, resolve} from 'node:path';

/** The version of `@tensorflow/tfjs-node` that is installed. Its folder is named after it. */
export const TFJS_NODE_VERSION = '4.22.0';

/**
 * The folder for native engines: `LIMBECK_ENGINE_DIR`, or `limbeck/engine` in the user's cache (`XDG_CACHE_HOME` or
 * `~/.cache`). It belongs to the user, not to the project, so that a fresh `node_modules` finds it again.
 */
export function engineRoot(): string {
  const own = process.env['LIMBECK_ENGINE_DIR'];
  if (own) return resolve(own);
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'limbeck', 'engine');
}

/**
 * The folder of one engine. Its binding uses Node-API, so one engine serves every Node.
 *
 * @param machine - `process.platform` and `process.arch`. @default this machine's
 */
export function engineFolder(root: string, machine: string = `${process.platform}-${process.arch}`): string {
  return join(root, `tfjs-node-${TFJS_NODE_VERSION}-${machine}`);
}
