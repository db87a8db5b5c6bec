import {createHash} from 'node:crypto';
import {stringify} from 'safe-stable-stringify';
import {bytesOf} from '../data/arrays.ts';

/**
 * SHA-256 over a tree of plain objects, lists, strings, numbers and typed arrays, in hexadecimal. The order of keys
 * doesn't matter.
 */
export function digestOf(tree: unknown): string {
  const json = stringify(tree, function (this: Readonly<Record<string, unknown>>, key, value) {
    // Read from the owner, because `value` is already a list of numbers if it was a Buffer.
    const own = this[key];
    return ArrayBuffer.isView(own) ? `${kindOf(own)} ${sha256(bytesOf(own))}` : value;
  });
  return sha256(json!);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A Buffer hashes like a Uint8Array. */
function kindOf(view: ArrayBufferView): string {
  return Buffer.isBuffer(view) ? 'Uint8Array' : view.constructor.name;
}
