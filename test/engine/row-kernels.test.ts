import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {array, assert, constantFrom, double, float, integer, property, tuple} from 'fast-check';
import {describe, expect, it} from 'vitest';
import {fitsRows, MODULE, type RowSelection, TrainedRows} from '../../src/engine/row-kernels.ts';

const HEIGHT = 7;
const source = join(import.meta.dirname, '../../src/engine/row-kernels.wat');

/** Selections of rows; one can be empty, and a row can occur twice. */
const selections = array(
  tuple(array(integer({min: 0, max: HEIGHT - 1}), {maxLength: 6}), float({min: -2, max: 2, noNaN: true})),
  {minLength: 1, maxLength: 5},
).map((sums): RowSelection => {
  const starts = [0];
  for (const [columns] of sums) starts.push(starts.at(-1)! + columns.length);
  return {
    count: sums.length,
    columns: Int32Array.from(sums.flatMap(([columns]) => columns)),
    starts: Int32Array.from(starts),
    values: Float32Array.from(sums, ([, value]) => value),
  };
});

/** Of less than a line of the processor's cache, which is 16 numbers, and of more. */
const widths = constantFrom(1, 3, 4, 9, 16, 18);
const numbers = (length: number, seed: number): Float32Array =>
  Float32Array.from({length}, (_, index) => Math.sin(seed + 12.9898 * index));

function opened(width: number): TrainedRows {
  const rows = new TrainedRows(HEIGHT, width);
  for (const matrix of [0, 1, 2] as const) rows.write(matrix, numbers(HEIGHT * width, matrix).map(Math.abs));
  return rows;
}

/** The share of each row in each sum, [count][height]. */
function sharesOf({count, columns, starts, values}: RowSelection): number[][] {
  return Array.from({length: count}, (_, sum) => {
    const shares = new Array<number>(HEIGHT).fill(0);
    for (let at = starts[sum]!; at < starts[sum + 1]!; at++) shares[columns[at]!]! += values[sum]!;
    return shares;
  });
}

function expectClose(values: ArrayLike<number>, expected: readonly number[]): void {
  expect(values.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) {
    expect(Math.abs(values[index]! - value)).toBeLessThan(1e-4 * (1 + Math.abs(value)));
  }
}

const between = double({min: 0.01, max: 0.9, noNaN: true});

describe('trained rows', () => {
  it('give back what was written', () => {
    assert(
      property(widths, width => {
        const rows = new TrainedRows(HEIGHT, width);
        const matrices = ([0, 1, 2] as const).map(matrix => [matrix, numbers(HEIGHT * width, matrix)] as const);
        for (const [matrix, values] of matrices) rows.write(matrix, values);
        for (const [matrix, values] of matrices) expect(rows.read(matrix)).toEqual(values);
      }),
    );
  });

  it('add up the rows of a selection', () => {
    assert(
      property(widths, selections, (width, selection) => {
        const rows = opened(width);
        const weights = rows.read(0);
        const expected = sharesOf(selection).flatMap(shares =>
          Array.from({length: width}, (_, unit) =>
            shares.reduce((sum, share, row) => sum + share * weights[row * width + unit]!, 0),
          ),
        );
        expectClose(rows.sums(selection), expected);
      }),
    );
  });

  it('move by a step of Adam along the gradient of the sums, and only where rows are selected', () => {
    assert(
      property(
        widths,
        array(selections, {minLength: 1, maxLength: 3}),
        between,
        between,
        (width, steps, rate1, rate2) => {
          const rows = opened(width);
          for (const selection of steps) {
            const [weights, first, second] = ([0, 1, 2] as const).map(matrix => [...rows.read(matrix)]);
            const gradient = numbers(selection.count * width, 5);
            rows.adam(selection, gradient, {rate1, rate2, stepSize: 0.1, epsilon: 0.01});
            const shares = sharesOf(selection);
            const selected = new Set(selection.columns);
            for (let at = 0; at < HEIGHT * width; at++) {
              const [row, unit] = [Math.floor(at / width), at % width];
              if (!selected.has(row)) continue;
              const own = shares.reduce((sum, each, index) => sum + each[row]! * gradient[index * width + unit]!, 0);
              first![at]! += rate1 * (own - first![at]!);
              second![at]! += rate2 * (own * own - second![at]!);
              weights![at]! -= (0.1 * first![at]!) / (Math.sqrt(second![at]!) + 0.01);
            }
            expectClose(rows.read(0), weights!);
            expectClose(rows.read(1), first!);
            expectClose(rows.read(2), second!);
          }
        },
      ),
    );
  });

  it('grow with their selections', () => {
    const rows = new TrainedRows(HEIGHT, 4);
    rows.write(0, numbers(HEIGHT * 4, 0));
    const count = 5000;
    const selection = {
      count,
      columns: Int32Array.from({length: 3 * count}, (_, at) => at % HEIGHT),
      starts: Int32Array.from({length: count + 1}, (_, sum) => 3 * sum),
      values: new Float32Array(count).fill(1),
    };
    const sums = rows.sums(selection);
    expect(sums.subarray(0, 4)).toEqual(sums.subarray(4 * 7, 4 * 8));
    expect(rows.read(0)).toEqual(numbers(HEIGHT * 4, 0));
  });

  it('have a limit of memory', () => {
    expect(fitsRows(2 ** 14, 64)).toBe(true);
    expect(fitsRows(2 ** 20, 256)).toBe(false);
  });

  it('run the module that their source makes', async () => {
    const {default: start} = await import('wabt');
    const features = {simd: true, bulk_memory: true};
    const parsed = (await start()).parseWat(source, readFileSync(source, 'utf8'), features);
    parsed.validate();
    expect(Buffer.from(parsed.toBinary({}).buffer).toString('base64')).toBe(MODULE);
    parsed.destroy();
  });
});
