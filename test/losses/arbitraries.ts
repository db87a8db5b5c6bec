import fc from 'fast-check';

/** A batch of rows with equal numbers of classes, values within ±`size`. */
export function logits(size = 6): fc.Arbitrary<number[][]> {
  return fc
    .tuple(fc.integer({min: 1, max: 5}), fc.integer({min: 2, max: 8}))
    .chain(([rows, classes]) => fc.array(row(classes, size), {minLength: rows, maxLength: rows}));
}

/** Two batches of the same shape. */
export function pairOfLogits(size = 6): fc.Arbitrary<[number[][], number[][]]> {
  return logits(size).chain(first =>
    fc.tuple(
      fc.constant(first),
      fc.array(row(first[0]!.length, size), {minLength: first.length, maxLength: first.length}),
    ),
  );
}

function row(classes: number, size: number): fc.Arbitrary<number[]> {
  return fc.array(fc.double({min: -size, max: size, noNaN: true}), {minLength: classes, maxLength: classes});
}
