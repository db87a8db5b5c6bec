import {basename, extname} from 'node:path';
import {linesOf} from './blocks.ts';
import type {TextFormat} from './record.ts';

const BY_ENDING: Readonly<Record<string, TextFormat>> = {
  '.txt': 'lines',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'jsonl',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.parquet': 'parquet',
};

/** The format that a file's ending says; undefined where it says none. */
export function formatOf(path: string): TextFormat | undefined {
  const name = basename(path).toLowerCase().replace(/\.gz$/, '');
  return BY_ENDING[extname(name)];
}

/** What a file without a telling name looks like at its start. */
export function guessFormat(start: string): 'jsonl' | 'lines' {
  const line = linesOf(start).find(content => content.trim() !== '') ?? '';
  try {
    const value: unknown = JSON.parse(line);
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isRecord || typeof value === 'string' ? 'jsonl' : 'lines';
  } catch {
    return 'lines';
  }
}
