import {InputError} from '../src/errors.ts';

/**
 * Loads a package that only some adapters need and that is not installed with limbeck.
 *
 * @typeParam T - what the adapter uses of the package
 * @throws InputError where it isn't installed, or does not load here
 */
export async function loadPeer<T>(name: string, adapter: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const advice = isMissing ? `Run \`npm install ${name}\`.` : `It does not load here: ${(cause as Error).message}`;
    throw new InputError(`The adapter ${adapter} needs the package ${name}. ${advice}`, {cause});
  }
}
