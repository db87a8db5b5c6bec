import {InputError} from '../errors.ts';
import type {Fields} from '../teacher.ts';
import {bucketReader, checkCount, checkNgrams, finished, hashOf, type NgramReading, stepped} from './hashed-reading.ts';
import type {TensorInputs} from './inputs.ts';

/** How a record becomes numbers: those of its number columns, one after the other, and then its buckets. */
export interface RecordReading {
  readonly kind: 'record';
  /** Fields that are no column are not read. */
  readonly columns: readonly RecordColumn[];
  /** How texts are hashed. Categories are hashed whole, to four of the same buckets each. Undefined if all columns are numbers. */
  readonly texts?: NgramReading | undefined;
}

export type RecordColumn = NumberColumn | HashedColumn;

/** Numbers, or booleans as 0 and 1: (value - mean) / deviation. A missing value becomes 0, which is the mean. */
export interface NumberColumn {
  readonly name: string;
  readonly kind: 'number';
  readonly mean: number;
  readonly deviation: number;
  /** True if a second number marks missing values: 1 if the value is missing, else 0. */
  readonly marksMissing: boolean;
}

/** A value of a few, or a free text. A missing value hits no bucket. */
export interface HashedColumn {
  readonly name: string;
  readonly kind: 'category' | 'text';
}

export interface RecordReadingOptions {
  /**
   * The number of buckets that categories and texts are hashed to.
   *
   * @default 8 for each different category, and 4096 for texts, rounded up to a power of two
   */
  readonly buckets?: number;
  /**
   * The columns that are read, by name. Those that tell nothing, such as a number of the row, are best left out.
   *
   * @default all
   */
  readonly columns?: readonly string[];
}

/** @throws InputError if a number is out of its range */
export function checkRecordReading({columns, texts}: RecordReading): void {
  checkCount('columns', columns.length, 1, 2 ** 16);
  if (texts !== undefined) checkNgrams(texts);
  if (texts === undefined && columns.some(({kind}) => kind !== 'number')) {
    throw new InputError('The student hashes categories or texts, and its `reading` has no `texts` that says how.');
  }
}

/** How many numbers a record becomes. */
export function recordWidth({columns, texts}: RecordReading): number {
  return numbersIn(columns) + (texts?.buckets ?? 0);
}

function numbersIn(columns: readonly RecordColumn[]): number {
  return columns.reduce((sum, column) => sum + (column.kind === 'number' ? 1 + Number(column.marksMissing) : 0), 0);
}

/** The records as rows of numbers, float32 [count, width]. */
export function recordValues(records: readonly Fields[], reading: RecordReading): TensorInputs {
  const {columns, texts} = reading;
  const width = recordWidth(reading);
  const start = numbersIn(columns);
  const data = new Float32Array(records.length * width);
  const bucketsOf = texts && bucketReader(texts);
  for (const [row, fields] of records.entries()) {
    const problem = recordProblem(fields, reading);
    if (problem !== undefined) throw new InputError(`Record ${row}: ${problem}`);
    const values = data.subarray(row * width, (row + 1) * width);
    let next = 0;
    for (const column of columns) {
      const value = valueIn(fields, column.name);
      if (column.kind === 'number') {
        if (value !== null) values[next] = (Number(value) - column.mean) / column.deviation;
        next++;
        if (column.marksMissing) values[next++] = Number(value === null);
      } else if (value !== null) {
        const hits = column.kind === 'text' ? bucketsOf!(String(value)) : categoryHashes(column.name, value);
        // Each column has its own share of the buckets' sum of squares.
        const share = 1 / Math.sqrt(hits.length);
        const offset = finished(hashOf(column.name));
        for (const hit of hits) values[start + ((hit + offset) % texts!.buckets)]! += share;
      }
    }
  }
  return {kind: 'tensor', dtype: 'float32', shape: [width], count: records.length, data};
}

/** Buckets of a category. Two that share one hardly ever share all. */
const HASHES = 4;

function categoryHashes(name: string, value: string | number | boolean): readonly number[] {
  const hash = hashOf(String(value), hashOf(name));
  return Array.from({length: HASHES}, (_, index) => finished(stepped(hash, index)));
}

/** The reason, as a sentence, why a record can't be read. Undefined if it can. */
export function recordProblem(fields: Fields, {columns}: RecordReading): string | undefined {
  if (columns.every(({name}) => !Object.hasOwn(fields, name))) {
    return `It has none of the fields that the student reads: ${columns.map(({name}) => name).join(', ')}.`;
  }
  const wrong = columns.find(({name, kind}) => kind === 'number' && Number.isNaN(Number(valueIn(fields, name))));
  if (wrong === undefined) return undefined;
  return `Its field \`${wrong.name}\` is ${JSON.stringify(fields[wrong.name])}, and the student takes a number.`;
}

/** An empty text is a missing value, as in a table. */
function valueIn(fields: Fields, name: string): Exclude<Fields[string], null> | null {
  const value = Object.hasOwn(fields, name) ? fields[name]! : null;
  return typeof value === 'string' && value.trim() === '' ? null : value;
}

/** Of a column with no more different values than this, each is a category. */
const MOST_CATEGORIES = 1000;
/** Words of a value that is a text. */
const WORDS_OF_TEXT = 4;
const [PER_CATEGORY, FOR_TEXTS, LEAST_BUCKETS] = [8, 2 ** 12, 2 ** 6];

/**
 * The reading of records for students.
 *
 * @param records - those of the training, which give the columns, their means and their deviations
 * @throws InputError if they have no columns, or not those that are named
 */
export function recordReadingFor(
  records: readonly Fields[],
  {columns: wanted, buckets}: RecordReadingOptions = {},
): RecordReading {
  const names = [...new Set(records.flatMap(fields => Object.keys(fields)))];
  const unknown = wanted?.find(name => !names.includes(name));
  if (unknown !== undefined) {
    throw new InputError(`The records have no column \`${unknown}\`, only ${names.join(', ')}. Correct \`columns\`.`);
  }
  const columns: RecordColumn[] = [];
  let categories = 0;
  for (const name of wanted ?? names) {
    const all = records.map(fields => valueIn(fields, name));
    const present = all.filter(value => value !== null);
    if (present.length === 0) continue;
    if (present.every(value => typeof value !== 'string')) {
      columns.push(numberColumn(name, present.map(Number), present.length < all.length));
      continue;
    }
    const different = new Set(present.map(String));
    const kind = isText(different, present.length) ? 'text' : 'category';
    if (kind === 'category') categories += different.size;
    columns.push({name, kind});
  }
  const hasTexts = columns.some(({kind}) => kind === 'text');
  const needed = Math.max(LEAST_BUCKETS, PER_CATEGORY * categories + (hasTexts ? FOR_TEXTS : 0));
  const texts: NgramReading = {
    kind: 'n-grams',
    buckets: buckets ?? Math.min(2 ** 16, 2 ** Math.ceil(Math.log2(needed))),
    words: 1,
    characters: [3, 4],
    length: 10_000,
  };
  const reading: RecordReading = {
    kind: 'record',
    columns,
    ...(columns.some(({kind}) => kind !== 'number') && {texts}),
  };
  checkRecordReading(reading);
  return reading;
}

function numberColumn(name: string, values: readonly number[], marksMissing: boolean): NumberColumn {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {name, kind: 'number', mean, deviation: Math.sqrt(variance) || 1, marksMissing};
}

/** Values of several words that hardly repeat are texts, and so are values that are too many for categories. */
function isText(different: ReadonlySet<string>, count: number): boolean {
  if (different.size > MOST_CATEGORIES) return true;
  const words = [...different].reduce((sum, value) => sum + value.trim().split(/\s+/).length, 0);
  return different.size > count / 2 && words / different.size >= WORDS_OF_TEXT;
}
