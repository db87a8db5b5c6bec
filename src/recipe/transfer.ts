import {type Inputs, selectInputs} from '../data/inputs.ts';
import {randomInteger, seededRandom} from '../data/random.ts';
import {isSharded} from '../data/shards/dataset.ts';
import {drawnOrder} from '../data/shards/drawn-order.ts';
import {
  type Dataset,
  type DrawOptions,
  drawExamples,
  type Split,
  type TransferSet,
  type Unlabelled,
  type UnlabelledDataset,
} from '../data/split.ts';
import {InputError} from '../errors.ts';
import type {Recipe, RecipeData} from './recipe.ts';

/** The training inputs that were drawn, with true labels if there are any. */
export type Drawn = Split<'train'> | Unlabelled<'train'>;

/** Rows of a transfer set in its drawn order, as a slice: the first row is 0, and `to` is not among them. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** What is held of inputs that are in shards: all that are drawn, or a sample of them. */
export type Held = 'all' | 'sample';

/** Drawn inputs that are in shards. */
export interface DrawnShards {
  /** Of all training inputs, drawn or not. */
  readonly count: number;
  /** SHA-256 of the names, sizes, rows and hashes of all shards: the same on all machines. */
  readonly digest: string;
  readonly held: Held;
  /** Drawn inputs, in the drawn order. */
  read(rows: RowRange): Promise<Inputs>;
}

/** The data of a recipe with the inputs that its teachers are asked about. */
export interface DrawnData {
  readonly data: Dataset | UnlabelledDataset;
  readonly drawn: Drawn;
  /** Undefined if the data are in memory. If not, the training split is a sample of what is drawn. */
  readonly shards: DrawnShards | undefined;
}

/**
 * Draws the transfer set of a recipe. With budgets, the first inputs of it must stand for all.
 *
 * @throws InputError if inputs in shards are to be chosen, or labelled by an assistant
 */
export async function drawTransfer(
  given: RecipeData,
  {transfer, budgets, methods, assistant}: Pick<Recipe, 'transfer' | 'budgets' | 'methods' | 'assistant'>,
  held: Held,
): Promise<DrawnData> {
  if (!isSharded(given)) return {data: given, drawn: drawExamples(given.train, transfer), shards: undefined};
  const chosen = methods.find(({select}) => select !== undefined);
  if (chosen || assistant) {
    throw new InputError(
      `${chosen ? `Method \`${chosen.method}\` chooses among` : 'The assistant labels'} all training inputs, and inputs in ` +
        'shards are not held in memory. Leave it out, or read the data from one file.',
    );
  }
  const {train, ...others} = given;
  const {count, digest} = train;
  const rowAt = drawnOrder(count, transfer, budgets !== undefined);
  const read = (ranges: readonly RowRange[]) => train.read(Float64Array.from(indicesIn(ranges), rowAt));
  // What students are built by is the same whatever is held.
  const sample: Drawn = {role: 'train', inputs: await read(sampledRuns(transfer))};
  const drawn: Drawn = held === 'sample' ? sample : {role: 'train', inputs: await read([{from: 0, to: transfer.size}])};
  return {
    data: {...others, train: sample},
    drawn,
    shards: {count, digest, held, read: range => read([range])},
  };
}

function* indicesIn(ranges: readonly RowRange[]): Generator<number> {
  for (const {from, to} of ranges) for (let index = from; index < to; index++) yield index;
}

/** Runs of a sample. An interval by fewer would be wide. */
export const SAMPLED_RUNS = 32;
/** Inputs of each run. */
const RUN_LENGTH = 32;

/**
 * Where a sample of a drawn set is: in each of as many equal parts a run of inputs, which begins anywhere, so that few
 * pieces of the shards are read. A small set is its own sample, in one run.
 */
export function sampledRuns({size, seed = 0}: DrawOptions): readonly RowRange[] {
  if (size <= SAMPLED_RUNS * RUN_LENGTH) return [{from: 0, to: size}];
  const random = seededRandom(seed, 'sampled runs');
  return Array.from({length: SAMPLED_RUNS}, (_, run) => {
    const [start, end] = [run, run + 1].map(part => Math.floor((part * size) / SAMPLED_RUNS)) as [number, number];
    const from = randomInteger(random, start, end - RUN_LENGTH);
    return {from, to: from + RUN_LENGTH};
  });
}

/** Some rows of a transfer set, with all versions of each. */
export function partOf(transfer: TransferSet, {from, to}: RowRange): TransferSet {
  const {inputs, versions = 1, views} = transfer;
  const [start, end] = [from * versions, to * versions];
  const rows = Int32Array.from({length: end - start}, (_, index) => start + index);
  return {...transfer, inputs: selectInputs(inputs, rows), ...(views && {views: views.subarray(start, end)})};
}
