import type {Dialogue} from '../../../src/cli/init/choose.ts';
import {InputError} from '../../../src/errors.ts';

/** A person who gives these answers in turn, and empty lines after them. */
export function person(
  ...answers: readonly string[]
): Dialogue & {readonly asked: string[]; readonly problems: string[]} {
  const [asked, problems]: string[][] = [[], []];
  const left = [...answers];
  return {
    asked: asked!,
    problems: problems!,
    say() {},
    close() {},
    async ask(question, read, fallback = '') {
      for (let attempt = 0; attempt < 4; attempt++) {
        asked!.push(question);
        try {
          return await read(left.shift() || fallback);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          problems!.push(error.message);
        }
      }
      throw new Error(`No answer to “${question}” will do.`);
    },
  };
}
