/** Readers of a person's answers and of flags. */
import {InputError} from '../../errors.ts';
import type {Option} from '../../question.ts';
import type {Price} from '../../teacher.ts';
import {type InitService, QUESTION_SERVICES} from './services.ts';
import {VECTOR_SERVICES} from './vector-services.ts';

/** A class with an optional description. */
export interface Described {
  readonly name: string;
  readonly description: string | undefined;
}

/** Reads `NAME: what it is`, or a name alone. */
export function readDescribed(text: string): Described {
  const [, name = '', description] = /^(.*?)(?::\s+(.*))?$/s.exec(text.trim()) ?? [];
  if (name.trim() === '') throw new InputError('A class needs a name, for example "refund: wants money back".');
  return {name: name.trim(), description: description?.trim() || undefined};
}

export function readClassNames(text: string): string[] {
  const names = text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '');
  if (names.length < 2) throw new InputError('Name two classes at least.');
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new InputError(`\`${twice}\` is given twice.`);
  return names;
}

/** Returns the problem with the options of a choice; undefined if there is none. */
export function problemWithOptions(options: readonly Option[]): string | undefined {
  const names = options.map(({name}) => name);
  if (names.length < 2) return `Expected two or more, got ${names.length}.`;
  if (names.includes('')) return 'One of them has an empty name.';
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  return twin === undefined ? undefined : `\`${twin}\` is given twice.`;
}

/** As for options; levels that are named by numbers must be in their order. */
export function problemWithLevels(levels: readonly Option[]): string | undefined {
  const numbers = levels.map(({name}) => (name.trim() === '' ? Number.NaN : Number(name)));
  const isInOrder = numbers.every((number, index) => index === 0 || !(number <= numbers[index - 1]!));
  if (isInOrder) return problemWithOptions(levels);
  return `The levels are ${levels.map(({name}) => name).join(', ')}. Order them from the lowest to the highest.`;
}

/** The numbered menu of services. */
export function serviceMenu(services: readonly InitService[]): string {
  return services.map(({name, title}, index) => `  ${index + 1}  ${name.padEnd(12)} ${title}`).join('\n');
}

/** Makes a reader of a service's name or its number in the menu. */
export function serviceReader(services: readonly InitService[]): (text: string) => InitService {
  return text => {
    const service = services.find(({name}, index) => [name, String(index + 1)].includes(text.toLowerCase()));
    if (service !== undefined) return service;
    if (QUESTION_SERVICES.some(({name}) => name === text)) {
      throw new InputError(`\`${text}\` answers typed questions. Give them with \`--questions FILE.json\`.`);
    }
    if (services !== VECTOR_SERVICES && VECTOR_SERVICES.some(({name}) => name === text)) {
      throw new InputError(`\`${text}\` gives vectors. Ask for them with \`--output vector\`.`);
    }
    throw new InputError(`There is no service \`${text}\`. It is one of ${services.map(({name}) => name).join(', ')}.`);
  };
}

/** Makes a reader of one of some words, whole or by an unambiguous beginning. */
export function readOneOf<T extends string>(what: string, values: readonly T[]): (text: string) => T {
  return text => {
    const exact = values.find(value => value === text);
    if (exact !== undefined) return exact;
    const [match, ...others] = text === '' ? [] : values.filter(value => value.startsWith(text));
    if (match !== undefined && others.length === 0) return match;
    throw new InputError(`There is no ${what} \`${text}\`. It is one of ${values.join(', ')}.`);
  };
}

export function readCount(low: number, high: number): (text: string) => number {
  return text => {
    const count = Number(text);
    if (/^\d+$/.test(text) && count >= low && count <= high) return count;
    throw new InputError(`Expected a whole number from ${low} to ${high}, got ${text || 'nothing'}.`);
  };
}

/** Reads dollars for a million tokens, in and out, with a comma or a space between. */
export function readPrice(text: string): Price | undefined {
  if (text === '') return undefined;
  const [input, output, ...others] = text.split(/[\s,;]+/).map(amount => amount.replace(/^\$/, ''));
  const amounts = [input, output].map(Number);
  if (others.length === 0 && output && amounts.every(amount => Number.isFinite(amount) && amount >= 0)) {
    return {perMillionInputTokens: amounts[0]!, perMillionOutputTokens: amounts[1]!};
  }
  throw new InputError('A price is two amounts of dollars, for a million tokens in and out, such as 0.4,1.6.');
}

/** Reads dollars for a million tokens, of a service that writes none. */
export function readInputPrice(text: string): Price | undefined {
  if (text === '') return undefined;
  const amount = Number(text.replace(/^\$/, ''));
  if (Number.isFinite(amount) && amount >= 0) return {perMillionInputTokens: amount};
  throw new InputError('The price of an embedding model is an amount of dollars for a million tokens, such as 0.02.');
}

export function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search) return text;
  throw new InputError('An address looks like https://host/v1. It holds no user, no key and no query.');
}

/** Reads the recipe's name, which also names the folder of results. */
export function readName(text: string): string {
  if (/^\w[\w.-]*$/.test(text)) return text;
  throw new InputError(`\`${text}\` can't name a recipe. Use letters, digits, underscores, dots and hyphens.`);
}

export function some(text: string): string {
  if (text !== '') return text;
  throw new InputError('An answer is required.');
}
