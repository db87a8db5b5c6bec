import {InputError} from '../../errors.ts';
import {kinds, oneOf, type Shape} from '../../options.ts';
import {TEXT_FORMATS, type TextFormat} from './format.ts';

/** One text as it was read. */
export interface TextRecord {
  readonly text: string;
  /** The name of its class. */
  readonly label?: string | undefined;
  readonly id?: string | undefined;
  /** The file that it comes from, or `stdin`. */
  readonly file: string;
  /** The line that it begins in, or its row in Parquet, from 1. A file that is one text has none. */
  readonly line?: number | undefined;
}

/** The fields of an object, or columns of a table, that are read. */
export interface TextFields {
  /**
   * The field or column with the text. A nested field is named by its path, such as `ticket.body`. A column without a
   * name is named by its number, from 1.
   *
   * @default 'text'; in a table of one column, that one
   */
  readonly text?: string | undefined;
  /**
   * The field or column with the label; `false` reads none.
   *
   * @default 'label', if there is one
   */
  readonly label?: string | false | undefined;
  /**
   * The field or column with the id of the text; `false` reads none.
   *
   * @default 'id', if there is one
   */
  readonly id?: string | false | undefined;
}

export interface ReadTextsOptions extends TextFields {
  /**
   * How the texts are stored. For a folder, the format of each of its files.
   *
   * @default by the ending (.txt, .jsonl, .ndjson, .json, .csv, .tsv, .tab, .parquet, each with or without .gz);
   * `files` for a folder; `jsonl` or `lines` otherwise, guessed from the first line
   */
  readonly format?: TextFormat | undefined;
  /**
   * True if the first row of a table names its columns.
   *
   * @default guessed, and reported to `onNote`
   */
  readonly header?: boolean | undefined;
  /**
   * True if cells of a table can be in quotes, so that they can contain the delimiter and line ends.
   *
   * @default true
   */
  readonly quotes?: boolean | undefined;
  /**
   * True if the subfolders right below the folder that is read name the labels of the texts in them.
   *
   * @default false
   */
  readonly folderLabels?: boolean | undefined;
  /**
   * The encoding by its name in the Encoding Standard, such as `windows-1252`. UTF-16 isn't read.
   *
   * @default 'utf-8'
   */
  readonly encoding?: string | undefined;
  /**
   * The treatment of texts that are empty or only white space.
   *
   * @default 'leave-out'; `onNote` gets their number
   */
  readonly empty?: 'leave-out' | 'keep' | undefined;
  /** Gets sentences about what was guessed and what was left out. */
  readonly onNote?: ((note: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const READING: Shape<ReadTextsOptions> = {
  text: kinds.text,
  label: kinds.textOrFalse,
  id: kinds.textOrFalse,
  format: oneOf(...TEXT_FORMATS),
  header: kinds.flag,
  quotes: kinds.flag,
  folderLabels: kinds.flag,
  encoding: kinds.text,
  empty: oneOf('leave-out', 'keep'),
  onNote: kinds.call,
  signal: kinds.object,
};

/** The location of a text, for messages. */
export function locationOf({file, line}: Pick<TextRecord, 'file' | 'line'>): string {
  return line === undefined ? file : `${file}, line ${line}`;
}

/** The fields that hold a text, its label and its id; undefined if none is read. */
export interface FieldNames {
  readonly text: string;
  readonly label: string | undefined;
  readonly id: string | undefined;
}

export function fieldNames({text = 'text', label = 'label', id = 'id'}: TextFields): FieldNames {
  return {text, label: label || undefined, id: id || undefined};
}

/** The location of an object in a file. */
interface RecordLocation {
  readonly file: string;
  readonly line: number;
}

/**
 * The text in an object, with its label and its id.
 *
 * @param asked - the fields that the caller named, which must be there
 * @throws InputError if a field is missing or has the wrong type
 */
export function recordOf(object: object, location: RecordLocation, names: FieldNames, asked: TextFields): TextRecord {
  const text = valueAt(object, names.text);
  if (typeof text !== 'string') {
    throw new InputError(
      text === undefined
        ? `${locationOf(location)}: no field \`${names.text}\`, only ${shownFields(object)}. Name the field with the text in \`text\`.`
        : `${locationOf(location)}: field \`${names.text}\` is ${shownType(text)}, not a text. Name another one in \`text\`.`,
    );
  }
  const {file, line} = location;
  const label = shortValue(object, names.label, location, 'label', asked.label);
  return {text, label, id: shortValue(object, names.id, location, 'id', asked.id), file, line};
}

/** The value of a field, by its own name or by its path; undefined if it isn't there. */
export function valueAt(object: object, path: string): unknown {
  if (Object.hasOwn(object, path)) return (object as Record<string, unknown>)[path];
  let value: unknown = object;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function shortValue(
  object: object,
  name: string | undefined,
  location: RecordLocation,
  purpose: 'label' | 'id',
  asked: string | false | undefined,
): string | undefined {
  if (name === undefined) return undefined;
  const value = valueAt(object, name);
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value === null || (value === undefined && asked === undefined)) return undefined;
  const problem =
    value === undefined
      ? `no field \`${name}\`, only ${shownFields(object)}`
      : `field \`${name}\` is ${shownType(value)}, neither a text nor a number`;
  throw new InputError(
    `${locationOf(location)}: ${problem}. Name another one in \`${purpose}\`, or set it to false to read none.`,
  );
}

/** Names of an object's fields. Fields of nested objects have their paths. */
function shownFields(object: object): string {
  const names = Object.entries(object).flatMap(([name, value]) =>
    isObject(value) ? Object.keys(value).map(inner => `${name}.${inner}`) : [name],
  );
  if (names.length === 0) return 'none';
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return names
    .slice(0, SHOWN)
    .map(name => `\`${name}\``)
    .join(', ')
    .concat(more);
}

const SHOWN = 12;

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function shownType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
