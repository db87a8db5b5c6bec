import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {kinds, type Shape} from '../options.ts';
import type {Input} from '../teacher.ts';
import type {Inputs} from './inputs.ts';
import {type Dataset, ROLES, type Role, type UnlabelledDataset} from './split.ts';
import {labelCounts} from './texts/card.ts';
import {Labels, LabelsSeen} from './texts/gather.ts';
import {checkOwnFiles, datasetOf, drawSplits, type SplitOptions, sourcesOf} from './texts/splits.ts';

/** An example as a reader gives it. */
export interface ReadExample<T> {
  readonly value: T;
  /** The same for examples with the same content. */
  readonly content: string;
  readonly label?: string | undefined;
  readonly id?: string | undefined;
  readonly file: string;
  /** The line that it begins in, or its row in Parquet, from 1. */
  readonly line?: number | undefined;
}

/** Options of data sets that are read from files. */
export interface ExampleOptions extends SplitOptions {
  /**
   * Names of the classes.
   *
   * @default all labels, sorted by their characters
   */
  readonly classes?: readonly string[] | undefined;
  /** Gets sentences about what was guessed and what was left out. */
  readonly onNote?: ((note: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const EXAMPLE_KINDS: Shape<ExampleOptions> = {
  path: kinds.textOrObject,
  classes: kinds.texts,
  validation: kinds.number,
  test: kinds.number,
  stratify: kinds.flag,
  seed: kinds.number,
  onNote: kinds.call,
  signal: kinds.object,
};

/** A summary of a set of images or records. */
export interface ExampleCard {
  readonly kind: Input['kind'];
  /** Paths that were read, as the caller named them. */
  readonly sources: readonly string[];
  /** Number of examples that were read, and of those that are the same as an earlier one. */
  readonly read: number;
  readonly duplicates: number;
  readonly splits: Readonly<Record<Role, number>>;
  /** Number of examples of each class in each split; undefined for a split without labels. */
  readonly labels: Readonly<Partial<Record<Role, Readonly<Record<string, number>>>>>;
}

export type ReadDataset = (Dataset | UnlabelledDataset) & {readonly card: ExampleCard};

/** How examples of one kind are read and stored. */
interface ExampleReader<T> {
  readonly kind: 'image' | 'record';
  /** Of all paths together, in their order. */
  readonly read: (paths: readonly string[]) => AsyncIterable<{readonly at: number; readonly example: ReadExample<T>}>;
  readonly inputsOf: (values: readonly T[]) => Inputs;
}

/**
 * Reads examples for a task: keeps one of each group of duplicates, and draws the splits, as `textDataset` does with
 * texts.
 *
 * @throws InputError if only some of a source's examples have labels, or if a split would be empty
 */
export async function readDataset<T>(options: ExampleOptions, reader: ExampleReader<T>): Promise<ReadDataset> {
  checkOwnFiles(options);
  const sources = sourcesOf(options);
  const noun = inputsOfKinds(reader.kind);
  const [values, roles]: [T[], number[]] = [[], []];
  const labels = new Labels(options.classes, noun);
  const seen = sources.map(() => new LabelsSeen(noun));
  const contents = new Set<string>();
  let read = 0;
  for await (const {at, example} of reader.read(sources.map(({path}) => path))) {
    options.signal?.throwIfAborted();
    read++;
    seen[at]!.add(example);
    if (contents.has(example.content)) continue;
    contents.add(example.content);
    labels.add(example);
    values.push(example.value);
    roles.push(ROLES.indexOf(sources[at]!.role));
  }
  const labelled = new Set(sources.flatMap(({role, path}, at) => (seen[at]!.areThere(path) ? role : [])));
  const {classes, indices} = labels.sorted();
  const distinct = Int32Array.from(values.keys());
  const gathered = {labels: indices, roles: Uint8Array.from(roles), labelled};
  const splits = drawSplits(gathered, distinct, {
    ...{options, noun},
    inputsOf: chosen => reader.inputsOf(Array.from(chosen, index => values[index]!)),
  });
  const duplicates = read - values.length;
  if (duplicates > 0) options.onNote?.(`${duplicates} ${noun} are the same as another one, and are left out.`);
  const counted = ROLES.flatMap(role => {
    const own = splits[role].labels;
    return own === undefined ? [] : [[role, labelCounts(own, classes)] as const];
  });
  const card: ExampleCard = {
    ...{kind: reader.kind, read, duplicates},
    sources: sources.map(({path}) => path),
    splits: {
      train: splits.train.inputs.count,
      validation: splits.validation.inputs.count,
      test: splits.test.inputs.count,
    },
    labels: Object.fromEntries(counted),
  };
  if (values.length === 0) throw new InputError(`There are no ${noun} in ${card.sources.join(', ')}.`);
  return {...datasetOf(classes, splits, options), card};
}
