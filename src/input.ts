/** What a teacher is asked about: part of the contract. Types only. */

/** One input as its owner holds it: raw, before any model's own preprocessing. */
export type Input = ImageInput | RecordInput | TensorInput | TextInput;

export interface TensorInput {
  readonly kind: 'tensor';
  readonly dtype: 'uint8' | 'int32' | 'float32';
  /** Shape of one example, without a batch dimension. */
  readonly shape: readonly number[];
  /** Row-major values; its length is the product of `shape`. */
  readonly data: Uint8Array | Int32Array | Float32Array;
}

export interface TextInput {
  readonly kind: 'text';
  readonly text: string;
}

/** An image as its file holds it. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly mediaType: MediaType;
}

export type MediaType = 'image/png' | 'image/jpeg' | 'image/webp';

export interface ImageInput extends EncodedImage {
  readonly kind: 'image';
}

/** The fields of a record by name, in their order. Numbers are finite; null: the value is missing. */
export type Fields = Readonly<Record<string, string | number | boolean | null>>;

/** A row of a table. */
export interface RecordInput {
  readonly kind: 'record';
  readonly fields: Fields;
}
