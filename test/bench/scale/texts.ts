import {createWriteStream} from 'node:fs';
import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';

/** Texts of a shard, and of a piece that is written at once. */
const SHARD = 100_000;
const PIECE = 1000;

/** Different texts, each with its number, by which the counting service knows it. */
export const textOf = (number: number): string => `What is this, and what is it for? Number ${number}.`;

/** Writes texts in shards, and those to measure by, into a folder. */
export async function writeTexts(folder: string, count: number): Promise<void> {
  await mkdir(join(folder, 'shards'), {recursive: true});
  for (let start = 0; start < count; start += SHARD) {
    const name = `part-${String(start / SHARD).padStart(5, '0')}.jsonl`;
    const lines = linesOf(start, Math.min(count, start + SHARD));
    await pipeline(lines, createWriteStream(join(folder, 'shards', name)));
  }
  await writeFile(join(folder, 'test.jsonl'), ['"to measure by"', '"and another"', ''].join('\n'));
}

function* linesOf(start: number, end: number): Generator<string> {
  for (let first = start; first < end; first += PIECE) {
    const count = Math.min(PIECE, end - first);
    yield Array.from({length: count}, (_, index) => `${JSON.stringify({text: textOf(first + index)})}\n`).join('');
  }
}
