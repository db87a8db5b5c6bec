import {closest, distance} from 'fastest-levenshtein';
import {z} from 'zod';
import {InputError} from './errors.ts';

/** An option that can't be used. A recipe's loader adds the recipe's path. */
export class OptionError extends InputError {
  /** The recipe can have another copy of limbeck, whose classes are others. */
  readonly isOption = true;
}

/** Checks the kind of an option. Its message says what the option takes, `accepts` tells the compiler. */
export type Kind<Accepted> = z.ZodType & {readonly accepts?: (value: Accepted) => void};

/** The kind of each option. It takes every value that the option's type allows. */
export type Shape<T> = {
  readonly [K in keyof T]-?: unknown extends T[K] ? z.ZodType : Kind<Exclude<T[K], undefined>>;
};

type Call = (...values: never[]) => unknown;
/** No list, and no function. */
type PlainObject = object & {readonly [Symbol.iterator]?: never; readonly bind?: never};

const aFunction = z.custom(value => typeof value === 'function', 'a function');
/** NaN and infinity are numbers here: whether they can be used is for their owners to say. */
const aNumber = z.custom(value => typeof value === 'number', 'a number');
const anObject = z.custom(value => typeof value === 'object' && value !== null && !Array.isArray(value), 'an object');

interface Kinds {
  readonly text: Kind<string>;
  readonly number: Kind<number>;
  readonly flag: Kind<boolean>;
  readonly texts: Kind<readonly string[]>;
  readonly numbers: Kind<readonly number[]>;
  readonly call: Kind<Call>;
  readonly object: Kind<PlainObject>;
  readonly list: Kind<readonly unknown[]>;
  readonly listOrObject: Kind<readonly unknown[] | PlainObject>;
  readonly json: Kind<unknown>;
  readonly textOrCall: Kind<string | Call>;
  readonly objectOrCall: Kind<PlainObject | Call>;
  readonly textOrObject: Kind<string | PlainObject>;
  readonly textsOrObject: Kind<string | readonly string[] | PlainObject>;
  readonly textOrNumber: Kind<string | number>;
  readonly numberOrNull: Kind<number | null>;
  readonly numberOrFalse: Kind<number | false>;
  readonly textOrFalse: Kind<string | false>;
}

/** The kinds of options. */
export const kinds: Kinds = {
  text: z.string('a text'),
  number: aNumber,
  flag: z.boolean('true or false'),
  texts: z.array(z.string('a text'), 'a list of texts'),
  numbers: z.array(aNumber, 'a list of numbers'),
  call: aFunction,
  object: anObject,
  list: z.array(z.unknown(), 'a list'),
  listOrObject: z.union([z.array(z.unknown()), anObject], 'a list, or an object of lists'),
  json: z.unknown(),
  textOrCall: z.union([z.string(), aFunction], 'a text, or a function that returns one'),
  objectOrCall: z.union([anObject, aFunction], 'an object, or a function that returns one'),
  textOrObject: z.union([z.string(), anObject], 'a text or an object'),
  textsOrObject: z.union([z.string(), z.array(z.string()), anObject], 'a list of texts, or an object by class'),
  textOrNumber: z.union([z.string(), aNumber], 'a number or a text'),
  numberOrNull: z.union([aNumber, z.null()], 'a number or null'),
  numberOrFalse: z.union([aNumber, z.literal(false)], 'a number or false'),
  textOrFalse: z.union([z.string(), z.literal(false)], 'a text or false'),
};

/** For functions that take no options, but can be given some by JavaScript. */
export type NoOptions = Readonly<Record<string, never>>;

/** The kind of an option that takes one of a few values. */
export function oneOf<const T extends readonly (string | number | boolean)[]>(...values: T): Kind<T[number]> {
  return z.literal(values, `one of ${values.map(value => JSON.stringify(value)).join(', ')}`);
}

/**
 * Checks that all options are known and of the right kind. Values are checked by their owners.
 *
 * @param owner - the function that takes the options, for messages
 * @param required - the options that must be given
 * @throws OptionError that names the nearest known option for an unknown one. It shows no value, which can be a secret
 */
export function checkOptions<T extends object>(
  owner: string,
  options: T,
  shape: Readonly<Record<string, z.ZodType>>,
  required: readonly (keyof T & string)[] = [],
): void {
  if (!anObject.safeParse(options).success) {
    throw new OptionError(`${owner} takes an object with its options, got ${kindOf(options)}.`);
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [option, value] of given) {
    const kind = Object.hasOwn(shape, option) ? shape[option] : undefined;
    if (kind === undefined) {
      throw new OptionError(`${owner} has no option \`${option}\`. ${nearestHint(option, Object.keys(shape))}`);
    }
    const issue = kind.safeParse(value).error?.issues[0];
    if (issue === undefined) continue;
    const path = [option, ...issue.path.map(String)].join('.');
    const found = issue.path.reduce((inner, step) => (inner as Record<PropertyKey, unknown>)[step], value as unknown);
    throw new OptionError(`${owner}: \`${path}\` takes ${issue.message}, got ${kindOf(found)}.`);
  }
  const missing = required.find(option => options[option] === undefined);
  if (missing === undefined) return;
  const takes = shape[missing]!.safeParse(undefined).error?.issues[0]?.message ?? 'a value';
  throw new OptionError(`${owner} needs \`${missing}\`: ${takes}.`);
}

/** Names the nearest known name, or all of them if none is near. */
export function nearestHint(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'It takes none.';
  const nearest = closest(name, known);
  if (distance(name, nearest) <= 3) return `Did you mean \`${nearest}\`?`;
  return `Known: ${known.join(', ')}.`;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return (
    {string: 'a text', number: 'a number', boolean: 'true or false', function: 'a function'}[typeof value as string] ??
    'an object'
  );
}
