import {KnowledgeError} from '../errors.ts';
import type {TensorFile} from './safetensors.ts';
import type {Dtype, Tensor} from './tensor.ts';

/** The tensors of a knowledge file, each checked as it is taken. */
export class TensorParts {
  readonly #path: string;
  readonly #tensors: TensorFile['tensors'];

  constructor(path: string, tensors: TensorFile['tensors']) {
    this.#path = path;
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** A tensor of one of these types with these first dimensions. */
  take<D extends Dtype>(name: string, dtypes: readonly D[], first: readonly number[] = []): Tensor<D> {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw this.misfit(`it has no tensor ${name}`);
    const {dtype, shape} = tensor;
    if (!dtypes.some(allowed => allowed === dtype)) {
      throw this.misfit(`tensor ${name} is of type ${dtype}, expected ${dtypes.join(' or ')}`);
    }
    if (first.some((length, dimension) => shape[dimension] !== length)) {
      throw this.misfit(`tensor ${name} has shape [${shape}], expected [${first}]`);
    }
    return tensor as Tensor<D>;
  }

  /** A tensor of exactly this shape. */
  values<D extends Dtype>(name: string, dtype: D, shape: readonly number[]): Tensor<D>['data'] {
    const tensor = this.take(name, [dtype], shape);
    if (tensor.shape.length === shape.length) return tensor.data;
    throw this.misfit(`tensor ${name} has shape [${tensor.shape}], expected [${shape}]`);
  }

  /** Class indices of exactly this shape, from `lowest` up. */
  indices(name: string, shape: readonly number[], lowest: number, classes: number): Int32Array {
    const values = this.values(name, 'I32', shape);
    const strange = values.find(index => index < lowest || index >= classes);
    if (strange !== undefined) throw this.misfit(`tensor ${name} names class ${strange} of ${classes}`);
    return values;
  }

  /** The error for a file whose parts don't fit together. */
  misfit(problem: string): KnowledgeError {
    return new KnowledgeError(
      `${this.#path} can't be loaded as knowledge: ${problem}. Collect it again, or make the file anew.`,
    );
  }
}
