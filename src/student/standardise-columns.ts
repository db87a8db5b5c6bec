import type {Inputs, TensorInputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import type {Preprocessing} from './preprocessing.ts';

/**
 * Preprocessing that gives each column of vectors a mean of 0 and a standard deviation of 1. A student keeps it, so that
 * it treats every input alike, wherever it answers.
 *
 * @param inputs - the training inputs, which decide the means and the deviations; a column that never changes is only
 * shifted
 * @throws InputError if the inputs are no vectors
 */
export function standardiseColumns(inputs: Inputs): Preprocessing {
  if (inputs.kind !== 'tensor' || inputs.shape.length !== 1) {
    const found =
      inputs.kind === 'tensor' ? `tensors of shape [${inputs.shape.join(', ')}]` : inputsOfKinds(inputs.kind);
    throw new InputError(
      `Only the columns of vectors can be standardised, and the inputs are ${found}. Leave \`standardise\` out.`,
    );
  }
  const columns = columnsOf(inputs);
  return {
    mean: columns.map(({mean}) => mean),
    deviation: columns.map(({deviation}) => deviation || 1),
  };
}

/** Columns differ in scale by far if the largest deviation is more than so many times the lower quartile of all. */
const FAR = 100;

/** Says that columns differ in scale by far, and what to do about it; undefined if they don't, or are scaled already. */
export function scaleNote(inputs: Inputs, {mean, deviation}: Preprocessing): string | undefined {
  if (inputs.kind !== 'tensor' || inputs.shape.length !== 1 || Array.isArray(mean) || Array.isArray(deviation))
    return undefined;
  const deviations = columnsOf(inputs).flatMap(column => column.deviation || []);
  const sorted = deviations.toSorted((one, other) => one - other);
  const [least, most] = [sorted[0], sorted.at(-1)];
  // Rare marks have small deviations and do no harm, so that the very least one doesn't decide.
  if (least === undefined || most! <= FAR * sorted[(sorted.length - 1) >> 2]!) return undefined;
  return (
    `The columns of the inputs differ in scale by far: their standard deviations go from ${least.toPrecision(2)} to ` +
    `${most!.toPrecision(2)}. Students learn more from columns of one scale: set \`preprocessing: 'standardise'\` in the recipe.`
  );
}

interface Column {
  readonly mean: number;
  readonly deviation: number;
}

/** Row by row, as the data lie in memory. */
function columnsOf({data, shape, count}: TensorInputs): readonly Column[] {
  const width = shape[0]!;
  const [sums, squares] = [new Float64Array(width), new Float64Array(width)];
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < width; column++) sums[column]! += data[row * width + column]!;
  }
  const means = sums.map(sum => sum / count);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < width; column++) {
      squares[column]! += (data[row * width + column]! - means[column]!) ** 2;
    }
  }
  return Array.from(means, (mean, column) => ({mean, deviation: Math.sqrt(squares[column]! / count)}));
}
