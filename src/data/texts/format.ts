/**
 * How texts are stored. `lines`: one text per line; `jsonl`: JSON lines; `files`: one text per file; `csv`, `tsv` and
 * `parquet`: tables.
 */
export type TextFormat = 'lines' | 'jsonl' | 'csv' | 'tsv' | 'parquet' | 'files';

export const TEXT_FORMATS: readonly TextFormat[] = ['lines', 'jsonl', 'csv', 'tsv', 'parquet', 'files'];
