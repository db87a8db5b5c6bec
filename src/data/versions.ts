import {hash} from 'node:crypto';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {bytesOf} from './arrays.ts';
import {tensorInputs} from './batch.ts';
import {type Inputs, sizeOf, type TensorInputs} from './inputs.ts';
import {mixSeed} from './random.ts';
import {imagesOf, type Pixels, partnerOf, type View} from './view.ts';

export interface VersionOptions {
  readonly view: View;
  /** Number of views of each input. */
  readonly count: number;
  /**
   * True if the unchanged input is the first of its versions.
   *
   * @default true
   */
  readonly clean?: boolean;
}

const KINDS = {view: kinds.object, count: kinds.number, clean: kinds.flag} satisfies Shape<VersionOptions>;

/** Several versions of each input. The versions of one input follow one another. */
export interface Versions {
  /** Row i · versions + j is version j of input i. */
  readonly inputs: TensorInputs;
  /** Number of versions of each input. */
  readonly versions: number;
  /** [rows], the seed of each row's view; 0 is a row that looks like the unchanged input. */
  readonly views: Int32Array;
}

/**
 * Makes versions of inputs. View n of an input depends only on the input's content and n, so that an answer about it
 * can be reused at any index and for any number of views. Its partner is drawn from all inputs by the same seed. A
 * version that looks like an earlier one of its input gets the seed of that one, so that no teacher is asked twice.
 *
 * @throws InputError if the inputs are not images, or if the view takes a partner and there is none
 *
 * @example
 * ```ts
 * import {crop, flip, type TensorInputs, versionsOf, views} from 'limbeck/data';
 *
 * export const twoViewsOf = (images: TensorInputs) =>
 *   versionsOf(images, {view: views(crop({padding: 4}), flip()), count: 2});
 * ```
 */
export function versionsOf(inputs: Inputs, options: VersionOptions): Versions {
  checkOptions('versionsOf', options, KINDS, ['view', 'count']);
  const {view, count, clean = true} = options;
  const originals = tensorInputs(inputs, `View \`${view.name}\``);
  const sourceOf = imagesOf(originals, view);
  const versions = count + Number(clean);
  const rows = blank(originals, originals.count * versions);
  const targetOf = imagesOf(rows, view);
  const views = new Int32Array(rows.count);
  for (let input = 0; input < originals.count; input++) {
    const source = sourceOf(input);
    const content = hash('sha256', bytesOf(source.data));
    const first = input * versions;
    if (clean) targetOf(first).data.set(source.data);
    for (let number = 1; number <= count; number++) {
      const row = first + number - Number(!clean);
      const seed = mixSeed(number, content);
      const partner = view.takesPartner ? sourceOf(partnerOf(input, originals.count, seed)) : undefined;
      view.render(source, targetOf(row), seed, partner);
      const alike = rowsFrom(first, row).find(earlier => isAlike(targetOf(earlier), targetOf(row)));
      views[row] = isAlike(source, targetOf(row)) ? 0 : alike === undefined ? seed : views[alike]!;
    }
  }
  return {inputs: rows, versions, views};
}

function blank(inputs: TensorInputs, count: number): TensorInputs {
  const {data, shape} = inputs;
  const Type = data.constructor as new (length: number) => TensorInputs['data'];
  return {...inputs, count, data: new Type(count * sizeOf(shape))};
}

function rowsFrom(first: number, end: number): readonly number[] {
  return Array.from({length: end - first}, (_, index) => first + index);
}

function isAlike(one: Pixels, other: Pixels): boolean {
  return Buffer.compare(bytesOf(one.data), bytesOf(other.data)) === 0;
}
