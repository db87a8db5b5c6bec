import {InputError} from '../../src/errors.ts';
import {labelCodes} from './label-codes.ts';

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
   * Whether the list of classes begins with another one for each asking of the same text (`Question.sample`), so that
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

export interface PromptTemplate {
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
