import type {BuildOptions} from 'esbuild';
import {LimbeckError} from '../errors.ts';

/**
 * Bundles this program's own code into a script, so that it computes there as it does here.
 *
 * @param name - of the script, for messages
 * @throws LimbeckError if it can't be made
 */
export async function bundle(name: string, options: BuildOptions): Promise<string> {
  try {
    const {build} = await import('esbuild');
    const {outputFiles} = await build({
      ...options,
      bundle: true,
      write: false,
      platform: 'browser',
      target: 'es2022',
      charset: 'utf8',
      logLevel: 'silent',
      tsconfigRaw: '{}',
    });
    return outputFiles![0]!.text;
  } catch (cause) {
    throw new LimbeckError(`The script ${name} can't be made. Install limbeck again, with its optional packages.`, {
      cause,
    });
  }
}
