import {env} from 'node:process';

/**
 * The reason to skip tests of a package that only some adapters need; undefined if it is installed.
 *
 * @throws Error if it isn't and `CI` is set: there a silent skip would pass for a test
 */
export async function peerOrSkip(name: string): Promise<string | undefined> {
  try {
    await import(name);
    return undefined;
  } catch (cause) {
    const reason = `no ${name} here: npm install ${name}`;
    if (env['CI'] === undefined) return reason;
    throw new Error(`Tests with ${name} must run where CI is set, but there is ${reason}.`, {cause});
  }
}
