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
