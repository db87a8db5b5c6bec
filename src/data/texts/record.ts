/**
 * How texts are stored: `lines` are plain, a text each; `jsonl` is JSON lines; `files` are a text each; `csv` and `tsv` are
 * tables, and so is `parquet`.
 */
export type TextFormat = 'lines' | 'jsonl' | 'csv' | 'tsv' | 'parquet' | 'files';

export const TEXT_FORMATS: readonly TextFormat[] = ['lines', 'jsonl', 'csv', 'tsv', 'parquet', 'files'];

/** One text as it was read. */
export interface TextRecord {
  readonly text: string;
  /** What class it is said to be of. */
  readonly label?: string | undefined;
  readonly id?: string | undefined;
  /** The file that it comes from, or `stdin`. */
  readonly file: string;
  /** The line that it begins in, from 1; of Parquet its row. A file that is one text has none. */
  readonly line?: number | undefined;
}

/** Which fields of an object, or columns of a table, are read. */
export interface TextFields {
  /**
   * The field or column with the text. A field inside others is named by its path, such as `ticket.body`; a column without
   * a name is called by its number, from 1.
   *
   * @default 'text'; of a table of one column, that one
   */
  readonly text?: string;
  /**
   * The one with the label; `false` reads none.
   *
   * @default 'label', where there is one
   */
  readonly label?: string | false;
  /**
   * The one with what the text is called; `false` reads none.
   *
   * @default 'id', where there is one
   */
  readonly id?: string | false;
}

export interface ReadTextsOptions extends TextFields {
  /**
   * How the texts are stored. Of a folder it is the format of each file in it.
   *
   * @default what the ending says (.txt, .jsonl, .ndjson, .json, .csv, .tsv, .tab, .parquet, each with .gz after it or
   * not); of a folder `files`; elsewhere `jsonl` or `lines`, as the first line looks
   */
  readonly format?: TextFormat;
  /**
   * Whether the first row of a table names its columns.
   *
   * @default guessed, and said by `onNote`
   */
  readonly header?: boolean;
  /**
   * Whether cells of a table may stand in quotes, so that they can hold the delimiter and line ends.
   *
   * @default true
   */
  readonly quotes?: boolean;
  /**
   * Whether the folders right below the one that is read name the labels of what is in them.
   *
   * @default false
   */
  readonly folderLabels?: boolean;
  /**
   * What the bytes mean, as the Encoding Standard names it, such as `windows-1252`. UTF-16 isn't read.
   *
   * @default 'utf-8'
   */
  readonly encoding?: string;
  /**
   * What becomes of texts that are empty or nothing but white space.
   *
   * @default 'leave-out', and `onNote` says how many
   */
  readonly empty?: 'leave-out' | 'keep';
  /** Told, as sentences, what was guessed and what was left out. */
  readonly onNote?: (note: string) => void;
  readonly signal?: AbortSignal;
}

/** Where a text is, for messages. */
export function locationOf({file, line}: Pick<TextRecord, 'file' | 'line'>): string {
  return line === undefined ? file : `${file}, line ${line}`;
}
