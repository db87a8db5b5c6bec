import {InputError} from '../errors.ts';

/**
 * Loads a package that only some need and that is not installed with limbeck.
 *
 * @typeParam T - what is used of the package
 * @param who - needs it, as the beginning of a sentence
 * @throws InputError where it isn't installed, or does not load here
 */
export async function loadPeer<T>(name: string, who: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const advice = isMissing ? `Run \`npm install ${name}\`.` : `It does not load here: ${(cause as Error).message}`;
    throw new InputError(`${who} needs the package ${name}. ${advice}`, {cause});
  }
}
