import type {Answer} from '../../src/teacher.ts';
import type {Unread} from './labels.ts';

/**
 * Returns a reader of a vector: a list of numbers, or float32, little-endian, in base64.
 *
 * @param dimensions - the length that it must have; undefined: any
 */
export function vectorReader(dimensions: number | undefined): (value: unknown) => Answer | Unread {
  return value => {
    const values = typeof value === 'string' ? floatsIn(value) : numbersIn(value);
    // A number can be finite and yet too large for float32.
    if (!values?.length || !values.every(Number.isFinite)) return 'It gave no list of finite numbers as a vector.';
    if (dimensions === undefined || values.length === dimensions) return {kind: 'vector', values};
    return `It gave a vector of ${values.length} numbers, not of ${dimensions}. Check \`dimensions\`, and that the model can give so many.`;
  };
}

function numbersIn(value: unknown): Float32Array | undefined {
  const isList = Array.isArray(value) && value.every(each => typeof each === 'number');
  return isList ? Float32Array.from(value) : undefined;
}

function floatsIn(base64: string): Float32Array | undefined {
  const packed = Buffer.from(base64, 'base64');
  // Node skips what is no base64, so that any words would be read as numbers.
  if (withoutPadding(packed.toString('base64')) !== withoutPadding(base64)) return undefined;
  return packed.length % 4 === 0 ? new Float32Array(Uint8Array.from(packed).buffer) : undefined;
}

const withoutPadding = (base64: string): string => base64.replace(/=+$/, '');
