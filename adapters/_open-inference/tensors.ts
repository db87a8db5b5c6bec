import type {Input, TensorInput} from '../../src/teacher.ts';

/** The description of a tensor that is sent, without its values. */
export interface TensorHead {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters?: {readonly content_type: 'str'};
}

/** An output tensor with its data flattened. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

/** A reply of the protocol, independent of its encoding. */
export interface InferReply {
  readonly model?: string | null | undefined;
  readonly version?: string | null | undefined;
  readonly outputs: readonly Tensor[];
}

type Values = TensorInput['data'];

/**
 * The byte encoding of values in the binary extension and in gRPC: row-major and little-endian, as this machine's
 * arrays.
 */
interface Datatype {
  /** Bytes of one value. */
  readonly size: number;
  /** True if it holds only whole numbers. */
  readonly isWhole: boolean;
  readonly range: readonly [least: number, most: number];
  encode(values: Values): ArrayBufferView;
  decode(bytes: ArrayBuffer): readonly number[];
}

/** A datatype whose values are the elements of a typed array. */
function plain(
  Elements: {
    readonly BYTES_PER_ELEMENT: number;
    from(values: ArrayLike<number>): ArrayBufferView;
    new (bytes: ArrayBuffer): ArrayLike<number> & ArrayBufferView;
  },
  isWhole: boolean,
  range: Datatype['range'],
): Datatype {
  return {
    size: Elements.BYTES_PER_ELEMENT,
    isWhole,
    range,
    encode: values => (values instanceof Elements ? values : Elements.from(values)),
    decode: bytes => Array.from(new Elements(bytes)),
  };
}

/** A 16-bit float, stored as a whole number. */
function half(toBits: (value: number) => number, fromBits: (bits: number) => number, most: number): Datatype {
  return {
    size: 2,
    isWhole: false,
    range: [-most, most],
    encode: values => Uint16Array.from(values, toBits),
    decode: bytes => Array.from(new Uint16Array(bytes), fromBits),
  };
}

const unsigned = (bits: number) => [0, 2 ** bits - 1] as const;
const signed = (bits: number) => [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] as const;

const datatypes: Readonly<Record<string, Datatype>> = {
  BOOL: plain(Uint8Array, true, [0, 1]),
  UINT8: plain(Uint8Array, true, unsigned(8)),
  UINT16: plain(Uint16Array, true, unsigned(16)),
  UINT32: plain(Uint32Array, true, unsigned(32)),
  UINT64: {
    size: 8,
    isWhole: true,
    range: [0, Number.MAX_SAFE_INTEGER],
    encode: values => BigUint64Array.from(values, BigInt),
    decode: bytes => Array.from(new BigUint64Array(bytes), Number),
  },
  INT8: plain(Int8Array, true, signed(8)),
  INT16: plain(Int16Array, true, signed(16)),
  INT32: plain(Int32Array, true, signed(32)),
  INT64: {
    size: 8,
    isWhole: true,
    range: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    encode: values => BigInt64Array.from(values, BigInt),
    decode: bytes => Array.from(new BigInt64Array(bytes), Number),
  },
  FP16: half(toHalf, fromHalf, 65_504),
  BF16: half(toBrain, fromBrain, Number.MAX_VALUE),
  FP32: plain(Float32Array, false, [-Number.MAX_VALUE, Number.MAX_VALUE]),
  FP64: plain(Float64Array, false, [-Number.MAX_VALUE, Number.MAX_VALUE]),
};

/** The protocol's names of datatypes. */
export const DATATYPES: readonly string[] = [...Object.keys(datatypes), 'BYTES'];

/** True if all numbers are in the datatype's range, and whole if it needs whole numbers. */
export function canHold(datatype: string, values: Values): boolean {
  const type = datatypes[datatype];
  if (type === undefined) return false;
  const [least, most] = type.range;
  return values.every(value => value >= least && value <= most && (!type.isWhole || Number.isInteger(value)));
}

/** Encodes all inputs of one batch. Texts become BYTES for any `datatype`. */
export function encodeRaw(inputs: readonly Input[], datatype: string): Buffer {
  return Buffer.concat(
    inputs.flatMap(input => {
      if (input.kind === 'text') return sized(Buffer.from(input.text));
      const {buffer, byteOffset, byteLength} = datatypes[datatype]!.encode((input as TensorInput).data);
      return Buffer.from(buffer, byteOffset, byteLength);
    }),
  );
}

function sized(bytes: Buffer): readonly Buffer[] {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return [size, bytes];
}

/** Decodes a tensor's values; undefined if the bytes do not fit, or the datatype is unknown. */
export function decodeRaw(bytes: Uint8Array, datatype: string): readonly (number | string)[] | undefined {
  if (datatype === 'BYTES') return decodeTexts(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const type = datatypes[datatype];
  if (type === undefined || bytes.length % type.size !== 0) return undefined;
  // Copies the bytes, because a typed array must start at a multiple of its elements' size.
  return type.decode(Uint8Array.from(bytes).buffer);
}

function decodeTexts(bytes: Buffer): readonly string[] | undefined {
  const texts: string[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const start = at + 4;
    at = start + bytes.readUInt32LE(at);
    texts.push(bytes.toString('utf8', start, at));
  }
  return at === bytes.length ? texts : undefined;
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** IEEE 754 binary16, rounded to the nearest, ties to even. */
function toHalf(value: number): number {
  float[0] = value;
  const sign = (word[0]! >>> 16) & 0x8000;
  const exponent = Math.max(((word[0]! >>> 23) & 0xff) - 127, -14);
  const steps = roundToEven(Math.abs(value) * 2 ** (10 - exponent));
  // A normal number's leading 1 is not stored. It counts here as one exponent.
  return sign | (((exponent + 14) << 10) + steps);
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return below + (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0);
}

/** The upper half of a 32-bit float, rounded to the nearest, ties to even. */
function toBrain(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function fromBrain(bits: number): number {
  word[0] = bits << 16;
  return float[0]!;
}
