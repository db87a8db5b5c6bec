const ARRAYS = {Float32Array, Int32Array, Uint32Array, Uint8Array} as const;

/** An array in JSON: its type, and its bytes, little-endian, in base64. */
interface Packed {
  readonly array: keyof typeof ARRAYS;
  readonly base64: string;
}

/** For `JSON.stringify`: typed arrays keep every bit. */
export function pack(_: string, value: unknown): unknown {
  if (!ArrayBuffer.isView(value)) return value;
  const {buffer, byteOffset, byteLength} = value;
  return {array: value.constructor.name, base64: Buffer.from(buffer, byteOffset, byteLength).toString('base64')};
}

/** An object that `JSON.stringify` writes as with `pack`, and faster. */
export function packed(value: object): object {
  const copy: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) {
    const isPlain = typeof part !== 'object' || part === null || Array.isArray(part);
    copy[name] = isPlain ? part : ArrayBuffer.isView(part) ? pack(name, part) : packed(part);
  }
  return copy;
}

/** For `JSON.parse`: restores the arrays. */
export function revive(_: string, value: unknown): unknown {
  const {array, base64} = (value ?? {}) as Partial<Packed>;
  if (array === undefined || base64 === undefined || !(array in ARRAYS)) return value;
  const bytes = Buffer.from(base64, 'base64');
  // A copy, because a buffer can begin at any byte of a larger one.
  return new ARRAYS[array](new Uint8Array(bytes).buffer);
}
