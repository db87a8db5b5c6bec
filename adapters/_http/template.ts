import {z} from 'zod';
import {InputError} from '../../src/errors.ts';
import {dataUrl, imageBase64, inputsOfKinds} from '../../src/input-kinds.ts';
import {kinds, type Shape} from '../../src/options.ts';
import type {Input, Json, TensorInput} from '../../src/teacher.ts';
import {ALIAS_KINDS, type AliasOptions} from '../_answers/labels.ts';
import type {AnswerLocation} from './output.ts';
import type {ReceiptLocation} from './receipt.ts';

/** Options of a service whose requests are made from a template and whose replies are read by pointers. */
export interface MappedOptions extends AliasOptions {
  /** Names of the classes, in the order of scores that come as a bare list. */
  readonly classes: readonly string[];
  /**
   * The service's names of the classes, in the order of `classes`.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * The body of a request, as JSON with placeholders for the input:
   *
   * - `{text}`: the text, also as a part of a string;
   * - `{tensor}`: the values of a tensor, as nested lists;
   * - `{image}`: an image as a data URL, and `{base64}`: its bytes alone, each also as a part of a string;
   * - `{record}`: the fields of a record, as an object;
   * - `{texts}`, `{tensors}`, `{images}`, `{base64s}`, `{records}`: a list of all inputs of a request;
   * - an object `{'{each}': …}`: a list with one entry per input. The value is the pattern of an entry and holds a
   *   placeholder for one input.
   *
   * With placeholders for one input alone, a request holds one query. With the others it holds up to `maxBatch` queries.
   */
  readonly request: Json;
  /**
   * The location of the scores or the labels in a reply. If a request holds several queries, the first `*` stands for
   * the index of the query, in the order that was sent. Without a `*` it is a flat list of all their values.
   */
  readonly output: AnswerLocation;
  /**
   * JSON pointer to the error in a reply with status 200. Any value but null, false, zero and an empty one means that
   * the request failed.
   *
   * @default none
   */
  readonly error?: string;
  /** The location of the cost and of the model's name in a reply. */
  readonly receipt?: ReceiptLocation;
  /**
   * Queries in one request, if `request` has placeholders for several.
   *
   * @default 32; 1 if `request` has a placeholder for one
   */
  readonly maxBatch?: number;
}

/** The kinds of `MappedOptions`. */
export const MAPPED_KINDS: Shape<MappedOptions> = {
  ...ALIAS_KINDS,
  classes: kinds.texts,
  labels: kinds.texts,
  request: kinds.json,
  output: kinds.object,
  error: kinds.text,
  receipt: kinds.object,
  maxBatch: kinds.number,
};

/** A request's body with placeholders for the inputs. */
export interface Template {
  /** The kind of input that it has placeholders for. */
  readonly carries: Input['kind'];
  /** True if it has placeholders for several. */
  readonly isBatch: boolean;
  /**
   * Returns the body of a request about these inputs, all of the kind that it carries. If it is for no batch, give one.
   */
  fill(inputs: readonly Input[]): Json;
}

/** The key of the pattern that each query fills. */
const EACH = '{each}';
const PLACEHOLDER = /\{(?:text|tensor|image|base64|record)s?\}/g;
/** The kind of input that a placeholder stands for, by its name. */
const KIND_OF: Readonly<Record<string, Input['kind']>> = {
  text: 'text',
  tensor: 'tensor',
  image: 'image',
  base64: 'image',
  record: 'record',
};
/** Placeholders that can be a part of a longer string. */
const WITHIN = ['{text}', '{image}', '{base64}'];

/** @throws InputError if it is no JSON, has no placeholder for an input, or has placeholders that can't be filled */
export function readTemplate(request: Json): Template {
  const {data: body, success} = z.json().safeParse(request);
  if (!success) throw unusable('It holds a value that JSON can not.');
  const locations = placeholdersIn(body);
  const used = new Set(locations.map(({placeholder}) => placeholder));
  if (locations.length === 0) {
    throw unusable(
      'It has no placeholder for the input. Put "{text}", "{tensor}", "{image}" or "{record}" in it, or one for all ' +
        'inputs, such as "{texts}".',
    );
  }
  const [carries, other] = new Set(Array.from(used, placeholder => KIND_OF[placeholder.replace(/^.|s?\}$/g, '')]!));
  if (other !== undefined) throw unusable(`It has placeholders for ${inputsOfKinds(carries!, other)}.`);
  const isBatch = locations.some(location => location.isInEach || location.placeholder.endsWith('s}'));
  if (isBatch && locations.some(location => !location.isInEach && !location.placeholder.endsWith('s}'))) {
    throw unusable(`It has a placeholder for one input beside those for all. Put it inside "${EACH}".`);
  }
  return {
    carries: carries!,
    isBatch,
    fill: inputs => fill(body, inputs, inputs[0]!),
  };
}

interface Placeholder {
  readonly placeholder: string;
  readonly isInEach: boolean;
}

function placeholdersIn(value: Json, isInEach = false): readonly Placeholder[] {
  if (typeof value === 'string') return placeholdersInString(value, isInEach);
  if (typeof value !== 'object' || value === null) return [];
  if (!(EACH in value)) return Object.values(value).flatMap(part => placeholdersIn(part, isInEach));
  const locations = placeholdersIn(value[EACH] as Json, true);
  if (isInEach || Object.keys(value).length > 1 || locations.length === 0) {
    throw unusable(
      `"${EACH}" must be alone in its object, outside any other, with a placeholder for one input inside.`,
    );
  }
  return locations;
}

function placeholdersInString(value: string, isInEach: boolean): readonly Placeholder[] {
  return Array.from(value.matchAll(PLACEHOLDER), ([placeholder]) => {
    if (!WITHIN.includes(placeholder) && placeholder !== value) {
      const what = placeholder === '{record}' ? 'an object' : 'a list';
      throw unusable(`"${placeholder}" stands for ${what}, and can't be part of a longer string.`);
    }
    if (isInEach && placeholder.endsWith('s}'))
      throw unusable(`"${placeholder}" stands for all inputs, not for "${EACH}".`);
    return {placeholder, isInEach};
  });
}

function unusable(problem: string): InputError {
  return new InputError(`The \`request\` can't be used. ${problem}`);
}

function fill(value: Json, inputs: readonly Input[], own: Input): Json {
  if (typeof value === 'string') return fillString(value, inputs, own);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(part => fill(part, inputs, own));
  if (EACH in value) return inputs.map(input => fill((value as Record<string, Json>)[EACH]!, inputs, input));
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fill(part, inputs, own)]));
}

function fillString(value: string, inputs: readonly Input[], own: Input): Json {
  const [whole] = value.match(PLACEHOLDER) ?? [];
  if (whole === value && value.endsWith('s}')) return inputs.map(input => contentOf(input, value === '{base64s}'));
  if (value === '{tensor}' || value === '{record}') return contentOf(own);
  // A function, because a text can hold a pattern that `replaceAll` interprets.
  return value.replaceAll(PLACEHOLDER, placeholder => contentOf(own, placeholder === '{base64}') as string);
}

function contentOf(input: Input, isBare = false): Json {
  switch (input.kind) {
    case 'text':
      return input.text;
    case 'record':
      return input.fields;
    case 'image':
      return isBare ? imageBase64(input) : dataUrl(input);
    case 'tensor':
      return nested(input);
  }
}

/** Returns the values of a tensor as nested lists, or the value of a scalar. */
function nested({shape, data}: TensorInput): Json {
  return [...shape.keys()].reduceRight<readonly Json[]>(
    (values, axis) => chunksOf(values, shape[axis]!),
    Array.from(data),
  )[0]!;
}

function chunksOf(values: readonly Json[], size: number): readonly Json[] {
  return Array.from({length: values.length / size}, (_, index) => values.slice(index * size, (index + 1) * size));
}
