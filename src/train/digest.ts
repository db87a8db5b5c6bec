import {createHash} from 'node:crypto';
import {stringify} from 'safe-stable-stringify';
import {bytesOf} from '../data/bytes.ts';

/**
 * SHA-256 over a tree of plain objects, lists, strings, numbers and typed arrays, in hexadecimal. Keys count in no
 * order.
 */
export function digestOf(tree: unknown): string {
  const json = stringify(tree, function (this: Readonly<Record<string, unknown>>, key, value) {
    // Taken from its owner: a Buffer has become a list of numbers by the time it is `value`.
    const own = this[key];
    return ArrayBuffer.isView(own) ? `${kindOf(own)} ${sha256(bytesOf(own))}` : value;
  });
  return sha256(json!);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A Buffer holds the same as an array of bytes. */
function kindOf(view: ArrayBufferView): string {
  return Buffer.isBuffer(view) ? 'Uint8Array' : view.constructor.name;
}
