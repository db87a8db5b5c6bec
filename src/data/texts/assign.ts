import {InputError} from '../../errors.ts';
import {shuffledIndices} from '../random.ts';
import type {Role} from '../split.ts';

export const ROLES: readonly ['train', 'validation', 'test'] = ['train', 'validation', 'test'];

/** Sizes of splits: a value from 1 on is a number of examples, one below 1 a share. */
export interface SplitSizes {
  readonly validation?: number;
  readonly test?: number;
}

/**
 * Draws examples into splits, so that each class has its share in each.
 *
 * @param labels - one for each example; undefined if there are none
 * @returns indices of the examples of each split, in a drawn order
 */
export function assignSplits(
  count: number,
  labels: Int32Array | undefined,
  sizes: SplitSizes,
  seed: number,
): Partial<Record<Role, Int32Array>> {
  const wanted = {test: sizeOf('test', sizes.test, count), validation: sizeOf('validation', sizes.validation, count)};
  if (wanted.test + wanted.validation >= count) {
    throw new InputError(
      `Validation takes ${wanted.validation} and the test ${wanted.test} of ${count} texts, so none is left to train on. ` +
        'Make them fewer.',
    );
  }
  const drawn = shuffledIndices(count, seed, 'text splits');
  const roles = new Map<number, Role>();
  let rest = labels === undefined ? Array.from(drawn) : Array.from(drawn).sort((a, b) => labels[a]! - labels[b]!);
  for (const role of ['test', 'validation'] as const) {
    const isTaken = evenly(rest.length, wanted[role]);
    for (const [position, index] of rest.entries()) if (isTaken(position)) roles.set(index, role);
    rest = rest.filter(index => !roles.has(index));
  }
  const of = (role: Role) => drawn.filter(index => (roles.get(index) ?? 'train') === role);
  return {
    train: of('train'),
    ...(wanted.validation > 0 && {validation: of('validation')}),
    ...(wanted.test > 0 && {test: of('test')}),
  };
}

/** Chooses `count` positions in a row, as far from each other as possible. */
function evenly(length: number, count: number): (index: number) => boolean {
  return index => Math.floor(((index + 1) * count) / length) > Math.floor((index * count) / length);
}

function sizeOf(role: Role, size: number | undefined, count: number): number {
  if (size === undefined) return 0;
  if (size > 0 && size < 1) return Math.max(1, Math.round(size * count));
  if (Number.isInteger(size) && size > 0) return size;
  throw new InputError(`Expected \`${role}\` to be a share between 0 and 1 or a whole number of texts, got ${size}.`);
}
