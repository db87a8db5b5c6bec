import {InputError} from '../../src/errors.ts';
import {plain} from './projection-text.ts';

/** How a language model is asked. All of it is part of the teacher's identity. */
export interface PromptOptions {
  /** Names of the classes, in the order of every answer's indices. */
  readonly classes: readonly string[];
  /** A line on a class, by its name, where the name does not say it all. */
  readonly descriptions?: Readonly<Record<string, string>>;
  /**
   * What to do with the text.
   *
   * @default 'Sort the text into one of these classes.'
   */
  readonly instructions?: string;
  /**
   * What the model answers in the place of a class's name: one text a class, or `names` for the names themselves.
   * Short ones are told apart by their first token.
   *
   * @default a letter a class where log-probabilities are read, the names where labels are
   */
  readonly codes?: readonly string[] | 'names';
  /**
   * Whether the list of classes begins with another one for each asking of the same text (`Query.sample`), so that
   * the mean over as many askings as there are classes favours no place in the list.
   *
   * @default false
   */
  readonly rotatesClasses?: boolean;
  /**
   * The whole prompt, in the place of the one made of the options above. `{text}` stands for the text, `{classes}` for
   * the list of classes; one that names neither code nor class must be one that the model was trained on.
   *
   * @default made of instructions and classes
   */
  readonly prompt?: PromptTemplate;
}

interface PromptTemplate {
  /** @default none */
  readonly system?: string;
  readonly user: string;
}

/** What one text is asked with. The part that all texts share comes first, so that services can cache it. */
export interface Prompt {
  readonly system: string | undefined;
  readonly user: string;
}

/** What the model is told to answer with, where the user gives no codes: a letter, a name, or a name and how sure it is. */
export type PromptWay = 'letters' | 'names' | 'confidence';

/** How prompts are made and what may be answered to them. */
export interface Prompts {
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** What the model is to answer for each class. */
  readonly codes: readonly string[];
  /** The prompt of the first asking, with `{text}` in the place of the text. */
  readonly template: Prompt;
  /** Whether later askings list the classes in another order. */
  readonly rotates: boolean;
  for(text: string, sample: number): Prompt;
}

/**
 * @param way - what the model is told to answer with where the user gives no codes
 * @throws InputError where codes can't be told apart, or a template does not hold the text
 */
export function promptsFor(options: PromptOptions, way: PromptWay): Prompts {
  const {classes, descriptions = {}, instructions = 'Sort the text into one of these classes.', prompt} = options;
  checkClasses(classes, descriptions);
  const codes = codesFor(options, way);
  const template = prompt ?? {system: `${instructions}\n{classes}\n${answerWith(codes, classes, way)}`, user: '{text}'};
  if (!template.user.includes('{text}')) {
    throw new InputError('The `prompt` has no `{text}` in `user`, where the text to be classified goes. Add it.');
  }
  const lines = classes.map((name, index) => lineOf(name, codes[index]!, descriptions[name]));
  const rotates = options.rotatesClasses ?? false;
  const listFor = (sample: number): string => {
    const first = rotates ? sample % classes.length : 0;
    return [...lines.slice(first), ...lines.slice(0, first)].join('\n');
  };
  const filled = (part: string, sample: number) => part.replaceAll('{classes}', () => listFor(sample));
  const {system, user} = template;
  const promptFor = (text: string, sample: number): Prompt => ({
    system: system === undefined ? undefined : filled(system, sample),
    // Last, since a text may hold what looks like a place for something.
    user: filled(user, sample).replaceAll('{text}', () => text),
  });
  return {classes, codes, template: promptFor('{text}', 0), rotates, for: promptFor};
}

function codesFor({classes, codes}: PromptOptions, way: PromptWay): readonly string[] {
  if (codes === 'names' || (codes === undefined && way !== 'letters')) return labelCodes(classes, classes);
  return labelCodes(classes, codes);
}

function answerWith(codes: readonly string[], classes: readonly string[], way: PromptWay): string {
  const what = codes.every((code, index) => code === classes[index]) ? 'name' : 'code';
  return way === 'confidence'
    ? `Answer with JSON and nothing else: {"label": the ${what} of one class, "confidence": from 0 to 100, how sure you are}`
    : `Answer with the ${what} of one class, and with nothing else.`;
}

function lineOf(name: string, code: string, description: string | undefined): string {
  const named = code === name ? name : `${code}: ${name}`;
  return description === undefined ? named : `${named} (${description})`;
}

function checkClasses(classes: readonly string[], descriptions: Readonly<Record<string, string>>): void {
  if (classes.length < 2 || classes.some(name => name.trim() === '')) {
    throw new InputError('Expected at least two `classes`, none without a name.');
  }
  const unknown = Object.keys(descriptions).find(name => !classes.includes(name));
  if (unknown !== undefined) {
    throw new InputError(`There is a description of \`${unknown}\`, which is no class: ${classes.join(', ')}.`);
  }
}

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
