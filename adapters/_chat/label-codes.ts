import {InputError} from '../../src/errors.ts';
import {plain} from './projection-text.ts';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** Common tokenizers hold every number of three digits as one token. */
const NUMBERS = Array.from({length: 900}, (_, index) => String(100 + index));

/**
 * What a language model is to answer for each class: short texts that mostly differ in their first token. The names
 * themselves where each is one letter or digit, else letters, and for more classes numbers from 100.
 *
 * @param codes - the user's own, one a class; they are checked and given back
 * @throws InputError where two classes can't be told apart by codes or names, or there are more than 900
 */
export function labelCodes(classes: readonly string[], codes?: readonly string[]): readonly string[] {
  if (codes !== undefined) return checkCodes(classes, codes);
  const chosen = areCodes(classes) ? classes : (assign(classes, LETTERS) ?? assign(classes, NUMBERS));
  if (chosen !== undefined) return chosen;
  throw new InputError(
    `There are no short codes for ${classes.length} classes; ${NUMBERS.length} is the most. Give \`codes\`, one a class.`,
  );
}

function areCodes(classes: readonly string[]): boolean {
  const isShort = classes.every(name => /^[\p{L}\p{N}]$/u.test(name));
  return isShort && new Set(classes.map(plain)).size === classes.length;
}

/** A code a class out of a pool, never one that is the name of another class; undefined where there are too few. */
function assign(classes: readonly string[], pool: readonly string[]): readonly string[] | undefined {
  const names = classes.map(plain);
  const uses = new Map<string, number>();
  for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  const codes = new Map(pool.map(code => [plain(code), code]));
  const free = pool.filter(code => !uses.has(plain(code)));
  // A class that is called like a code keeps it, unless another is called so too.
  const assigned = names.map(name => (uses.get(name) === 1 ? codes.get(name) : undefined) ?? free.shift());
  return assigned.every(code => code !== undefined) ? assigned : undefined;
}

function checkCodes(classes: readonly string[], codes: readonly string[]): readonly string[] {
  if (codes.length !== classes.length) {
    throw new InputError(`There are ${codes.length} \`codes\` for ${classes.length} classes. Give one for each class.`);
  }
  const owners = new Map<string, number>();
  for (const [index, code] of codes.entries()) {
    const key = plain(code);
    if (key === '') {
      throw new InputError(`The code of class \`${classes[index]}\` holds no more than white space, quotes or a stop.`);
    }
    const twin = owners.get(key);
    if (twin !== undefined) throw alike(`the code of class \`${classes[twin]}\``, classes[index]!, code);
    owners.set(key, index);
  }
  for (const [index, name] of classes.entries()) {
    const owner = owners.get(plain(name));
    if (owner !== undefined && owner !== index)
      throw alike(`the name of class \`${name}\``, classes[owner]!, codes[owner]!);
  }
  return codes;
}

function alike(other: string, name: string, code: string): InputError {
  return new InputError(
    `The code \`${code}\` of class \`${name}\` can't be told from ${other}: case, quotes and white space don't count. Give another code.`,
  );
}
