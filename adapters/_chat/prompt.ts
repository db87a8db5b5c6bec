import {InputError} from '../../src/errors.ts';
import {textOf} from '../../src/input-kinds.ts';
import {kinds, type Shape} from '../../src/options.ts';
import type {EncodedImage, Input, TensorInput} from '../../src/teacher.ts';
import {plain} from './projection-text.ts';

/** How a language model is asked. All of it is part of the teacher's identity. */
export interface PromptOptions {
  /** Names of the classes, in the order of every answer's indices. */
  readonly classes: readonly string[];
  /** A line that describes a class, by the class's name, if the name is not clear by itself. */
  readonly descriptions?: Readonly<Record<string, string>>;
  /**
   * The task that the model has with the text.
   *
   * @default 'Sort the text into one of these classes.', or the image, or the record
   */
  readonly instructions?: string;
  /**
   * The texts that the model answers instead of the classes' names: one per class in their order, an object with one for
   * each name, `short` for a letter or number per class, or `names` for the names themselves. Short texts are told apart by
   * their first token.
   *
   * @default a letter per class if log-probabilities are read, the names if labels are read
   */
  readonly codes?: readonly string[] | Readonly<Record<string, string>> | 'names' | 'short';
  /**
   * If true, the list of classes starts with another class at each repetition (`Query.sample`) of the same text. The
   * mean over as many repetitions as there are classes then favours no position in the list.
   *
   * @default false
   */
  readonly rotateClasses?: boolean;
  /**
   * The whole prompt, instead of the one made from the options above: a text, or a system message and the user's.
   * `{text}` stands for the text or the JSON of a record, `{classes}` for the list of classes. An image stands before the
   * user's message, and leaves `{text}` empty. A prompt that names neither codes nor classes must be one that the model was
   * trained on.
   *
   * @default made of instructions and classes
   */
  readonly prompt?: string | PromptTemplate;
}

/** The kinds of `PromptOptions`. */
export const PROMPT_KINDS: Shape<PromptOptions> = {
  classes: kinds.texts,
  descriptions: kinds.object,
  instructions: kinds.text,
  codes: kinds.textsOrObject,
  rotateClasses: kinds.flag,
  prompt: kinds.textOrObject,
};

interface PromptTemplate {
  /** @default none */
  readonly system?: string;
  readonly user: string;
}

/** The prompt of one text. The part that all texts share comes first, so that services can cache it. */
export interface Prompt {
  readonly system: string | undefined;
  readonly user: string;
  /** Shown before the user's message. */
  readonly image?: EncodedImage | undefined;
}

/** The form of answers if the user gives no codes: a letter, a name, or a name with a confidence. */
export type PromptWay = 'letters' | 'names' | 'confidence';

/** How prompts are made, and which answers they allow. */
export interface Prompts {
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** The wanted answer of each class. */
  readonly codes: readonly string[];
  /** The prompt of the first repetition, with `{text}` instead of the text. */
  readonly template: Prompt;
  /** True if later repetitions list the classes in another order. */
  readonly rotates: boolean;
  for(text: string, sample: number): Prompt;
  /** The prompt about an input of any kind that is no tensor. */
  about(input: PromptedInput, sample: number): Prompt;
}

/** An input that a prompt can hold. */
export type PromptedInput = Exclude<Input, TensorInput>;

/**
 * @param way - the form of answers if the user gives no codes
 * @throws InputError if codes can't be told apart, or a template does not hold the text
 */
export function promptsFor(options: PromptOptions, way: PromptWay): Prompts {
  const {classes, descriptions = {}, instructions, prompt} = options;
  checkClasses(classes, descriptions);
  const codes = codesFor(options, way);
  const given = typeof prompt === 'string' ? {user: prompt} : prompt;
  const templateFor = (kind: PromptedInput['kind']): PromptTemplate => {
    const task = instructions ?? `Sort the ${kind} into one of these classes.`;
    return given ?? {system: `${task}\n{classes}\n${answerWith(codes, classes, way)}`, user: '{text}'};
  };
  if (!isTemplate(templateFor('text'))) {
    const where = typeof prompt === 'string' ? '' : ' in `user`';
    throw new InputError(
      `The \`prompt\` has no \`{text}\`${where}, where the text to be classified goes. Give a text, or {system, user}, with it.`,
    );
  }
  const lines = classes.map((name, index) => lineOf(name, codes[index]!, descriptions[name]));
  const rotates = options.rotateClasses ?? false;
  const listFor = (sample: number): string => {
    const first = rotates ? sample % classes.length : 0;
    return [...lines.slice(first), ...lines.slice(0, first)].join('\n');
  };
  const filled = (part: string, sample: number) => part.replaceAll('{classes}', () => listFor(sample));
  const promptFor = (text: string, sample: number, kind: PromptedInput['kind'] = 'text'): Prompt => {
    const {system, user} = templateFor(kind);
    return {
      system: system === undefined ? undefined : filled(system, sample),
      // The text goes in last, because it can hold something that looks like a placeholder.
      user: filled(user, sample).replaceAll('{text}', () => text),
    };
  };
  const about = (input: PromptedInput, sample: number): Prompt => {
    if (input.kind === 'image') return {...promptFor('', sample, 'image'), image: input};
    return promptFor(textOf(input), sample, input.kind);
  };
  return {classes, codes, template: promptFor('{text}', 0), rotates, for: promptFor, about};
}

function isTemplate({system, user, ...rest}: PromptTemplate): boolean {
  const isText = (value: unknown) => value === undefined || typeof value === 'string';
  return isText(system) && isText(user) && Boolean(user?.includes('{text}')) && Object.keys(rest).length === 0;
}

function codesFor({classes, codes}: PromptOptions, way: PromptWay): readonly string[] {
  if (codes === 'names' || (codes === undefined && way !== 'letters')) return labelCodes(classes, classes);
  if (codes === undefined || codes === 'short') return labelCodes(classes);
  return labelCodes(classes, isByClass(codes) ? codesByClass(classes, codes) : codes);
}

type CodesByClass = Readonly<Record<string, string>>;

function isByClass(codes: readonly string[] | CodesByClass): codes is CodesByClass {
  return !Array.isArray(codes);
}

/** @throws InputError if a class has no code, or a code no class */
function codesByClass(classes: readonly string[], codes: CodesByClass): readonly string[] {
  const unknown = Object.keys(codes).find(name => !classes.includes(name));
  if (unknown !== undefined) {
    throw new InputError(`\`codes\` has \`${unknown}\`, which is no class: ${classes.join(', ')}.`);
  }
  const open = classes.find(name => !Object.hasOwn(codes, name));
  if (open !== undefined) throw new InputError(`\`codes\` has none for the class \`${open}\`. Give each class one.`);
  return classes.map(name => codes[name]!);
}

function answerWith(codes: readonly string[], classes: readonly string[], way: PromptWay): string {
  const value = answerValue(codes, classes, way);
  return way === 'confidence'
    ? `Answer with JSON and nothing else: ${value}`
    : `Answer with ${value}, and with nothing else.`;
}

/** What a model answers about one input, in words. */
export function answerValue(codes: readonly string[], classes: readonly string[], way: PromptWay): string {
  const label = `the ${codes.every((code, index) => code === classes[index]) ? 'name' : 'code'} of one class`;
  return way === 'confidence' ? `{"label": ${label}, "confidence": from 0 to 100, how sure you are}` : label;
}

/** The line of an option in a prompt. */
export function lineOf(name: string, code: string, description: string | undefined): string {
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

/** Numbers of three digits. Common tokenizers hold each of them as one token. */
const NUMBERS = Array.from({length: 900}, (_, index) => String(100 + index));

/**
 * Returns the wanted answer of each class: short texts that mostly differ in their first token. If each name is one
 * letter or digit, these are the names; else letters, or numbers from 100 if there are more classes.
 *
 * @param codes - the user's own, one per class; they are checked and returned
 * @throws InputError if two classes can't be told apart by codes or names, or there are more than 900
 */
export function labelCodes(classes: readonly string[], codes?: readonly string[]): readonly string[] {
  if (codes !== undefined) return checkCodes(classes, codes);
  const chosen = areCodes(classes) ? classes : (assign(classes, LETTERS) ?? assign(classes, NUMBERS));
  if (chosen !== undefined) return chosen;
  throw new InputError(
    `There are no short codes for ${classes.length} classes; the most is ${NUMBERS.length}. Give \`codes\`, one per class.`,
  );
}

function areCodes(classes: readonly string[]): boolean {
  const isShort = classes.every(name => /^[\p{L}\p{N}]$/u.test(name));
  return isShort && new Set(classes.map(plain)).size === classes.length;
}

/** Assigns each class a code from a pool, never the name of another class; undefined if there are too few codes. */
function assign(classes: readonly string[], pool: readonly string[]): readonly string[] | undefined {
  const names = classes.map(plain);
  const uses = new Map<string, number>();
  for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  const codes = new Map(pool.map(code => [plain(code), code]));
  const free = pool.filter(code => !uses.has(plain(code)));
  // A class whose name is a code keeps it, unless another class has the same name.
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
      throw new InputError(`The code of class \`${classes[index]}\` holds only white space, quotes or a full stop.`);
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
