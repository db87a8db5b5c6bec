import {z} from 'zod';
import {InputError} from '../../src/errors.ts';
import type {Input, Json, TensorInput} from '../../src/teacher.ts';

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
const PLACEHOLDER = /\{(?:text|texts|tensor|tensors)\}/g;

/** @throws InputError if it is no JSON, has no placeholder for an input, or has placeholders that can't be filled */
export function readTemplate(request: Json): Template {
  const {data: body, success} = z.json().safeParse(request);
  if (!success) throw unusable('It holds a value that JSON can not.');
  const locations = placeholdersIn(body);
  const used = new Set(locations.map(({placeholder}) => placeholder));
  if (locations.length === 0) {
    throw unusable('It has no placeholder for the input. Put "{text}", "{texts}", "{tensor}" or "{tensors}" in it.');
  }
  const isText = used.has('{text}') || used.has('{texts}');
  if (isText && (used.has('{tensor}') || used.has('{tensors}')))
    throw unusable('It has placeholders for texts and for tensors.');
  const isBatch = locations.some(location => location.isInEach || location.placeholder.endsWith('s}'));
  if (isBatch && locations.some(location => !location.isInEach && !location.placeholder.endsWith('s}'))) {
    throw unusable(`It has a placeholder for one input beside those for all. Put it inside "${EACH}".`);
  }
  return {
    carries: isText ? 'text' : 'tensor',
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
    throw unusable(`"${EACH}" must be alone in its object, outside any other, with "{text}" or "{tensor}" inside.`);
  }
  return locations;
}

function placeholdersInString(value: string, isInEach: boolean): readonly Placeholder[] {
  return Array.from(value.matchAll(PLACEHOLDER), ([placeholder]) => {
    if (placeholder !== '{text}' && placeholder !== value) {
      throw unusable(`"${placeholder}" stands for a list, and can't be part of a longer string.`);
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
  if (value === '{texts}' || value === '{tensors}') return inputs.map(contentOf);
  if (value === '{tensor}') return contentOf(own);
  // A function, because a text can hold a pattern that `replaceAll` interprets.
  return value.replaceAll('{text}', () => contentOf(own) as string);
}

function contentOf(input: Input): Json {
  return input.kind === 'text' ? input.text : nested(input);
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
