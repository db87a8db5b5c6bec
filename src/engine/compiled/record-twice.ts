import {tf} from '../tf.ts';
import {withAnyCount} from './any-count.ts';
import type {NativeBackend} from './binding.ts';
import {record} from './record.ts';
import {Untraceable} from './recorder.ts';
import {differenceOf, type Recording} from './recording.ts';

/** What the same call does both times, or why it can't be told. */
export function recordTwice(
  backend: NativeBackend,
  inputs: readonly tf.Tensor[],
  run: () => tf.Tensor,
): Recording | Untraceable {
  const first = record(backend, inputs, run);
  if (first instanceof Untraceable) return first;
  const second = record(backend, inputs, run);
  if (second instanceof Untraceable) return second;
  const difference = differenceOf(first, second);
  return difference === undefined ? second : new Untraceable(difference);
}

/**
 * What a function does with any number of rows like the given ones, or why it can't be told. It is run on two and on
 * three rows of zeros.
 */
export function recordRows(
  backend: NativeBackend,
  {shape: [, ...shape], dtype}: tf.Tensor,
  run: (rows: tf.Tensor) => tf.Tensor,
): Recording | Untraceable {
  const [two, three] = [tf.zeros([2, ...shape], dtype), tf.zeros([3, ...shape], dtype)];
  try {
    const ofTwo = recordTwice(backend, [two], () => run(two));
    if (ofTwo instanceof Untraceable) return ofTwo;
    const ofThree = record(backend, [three], () => run(three));
    if (ofThree instanceof Untraceable) return ofThree;
    const ofAny = withAnyCount(ofTwo, ofThree);
    const difference = differenceOf(withAnyCount(ofThree, ofTwo), ofAny, 'it depends on the number of rows');
    return difference === undefined ? ofAny : new Untraceable(difference);
  } finally {
    tf.dispose([two, three]);
  }
}
