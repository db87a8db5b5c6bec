import {InputError} from '../errors.ts';

/**
 * Loads an optional package that is not installed with limbeck.
 *
 * @typeParam T - the parts of the package that are used
 * @param who - the part that needs it, as the beginning of a sentence
 * @throws InputError if it isn't installed, or can't be loaded here
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
