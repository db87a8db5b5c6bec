import {z} from 'zod';
import {InputError} from '../../src/errors.ts';
import type {Input, Json, TensorInput} from '../../src/teacher.ts';

/** A request's body with places for the inputs. */
export interface Template {
  /** The kind of input that it has places for. */
  readonly carries: Input['kind'];
  /** Whether it has places for several. */
  readonly isBatch: boolean;
  /** The body of a request about these inputs, all of the kind that it carries; one, where it is for no batch. */
  fill(inputs: readonly Input[]): Json;
}

/** Stands for the entry of a list that each query has one of. */
const EACH = '{each}';
const PLACEHOLDER = /\{(?:text|texts|tensor|tensors)\}/g;

/** @throws InputError where it is no JSON, has no place for an input, or places that can't be filled */
export function readTemplate(request: Json): Template {
  const {data: body, success} = z.json().safeParse(request);
  if (!success) throw unusable('It holds a value that JSON can not.');
  const locations = placeholdersIn(body);
  const used = new Set(locations.map(({placeholder}) => placeholder));
  if (locations.length === 0) {
    throw unusable('It has no place for the input. Put "{text}", "{texts}", "{tensor}" or "{tensors}" where it goes.');
  }
  const isText = used.has('{text}') || used.has('{texts}');
  if (isText && (used.has('{tensor}') || used.has('{tensors}')))
    throw unusable('It has places for texts and for tensors.');
  const isBatch = locations.some(location => location.isInEach || location.placeholder.endsWith('s}'));
  if (isBatch && locations.some(location => !location.isInEach && !location.placeholder.endsWith('s}'))) {
    throw unusable(`It has a place for one input beside those for all. Put it inside "${EACH}".`);
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
    throw unusable(`"${EACH}" has to be alone in its object, outside any other, with "{text}" or "{tensor}" inside.`);
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
  // A function, since a text may hold what a replacement gives a meaning to.
  return value.replaceAll('{text}', () => contentOf(own) as string);
}

function contentOf(input: Input): Json {
  return input.kind === 'text' ? input.text : nested(input);
}

/** The values of a tensor in lists within lists; of a scalar its value. */
function nested({shape, data}: TensorInput): Json {
  return [...shape.keys()].reduceRight<readonly Json[]>(
    (values, axis) => chunksOf(values, shape[axis]!),
    Array.from(data),
  )[0]!;
}

function chunksOf(values: readonly Json[], size: number): readonly Json[] {
  return Array.from({length: values.length / size}, (_, index) => values.slice(index * size, (index + 1) * size));
}
