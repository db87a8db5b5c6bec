import {mkdir, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {parquetWriteFile} from 'hyparquet-writer';

/** Writes texts as shards, by turns JSON lines and Parquet with small row groups. */
export async function writeShards(folder: string, texts: readonly string[], sizes: readonly number[]): Promise<void> {
  await mkdir(folder, {recursive: true});
  let start = 0;
  for (const [number, size] of sizes.entries()) {
    const own = texts.slice(start, start + size);
    const name = `part-${String(number).padStart(3, '0')}`;
    if (number % 2 === 0) await writeLines(join(folder, `${name}.jsonl`), own);
    else await writeParquet(join(folder, `${name}.parquet`), own);
    start += size;
  }
}

export async function writeLines(path: string, texts: readonly string[]): Promise<void> {
  await mkdir(dirname(path), {recursive: true});
  await writeFile(path, texts.map(text => `${JSON.stringify({text})}\n`).join(''));
}

export function writeParquet(filename: string, texts: readonly string[]): void {
  const columnData = [
    {name: 'number', data: texts.map((_, row) => row), type: 'INT32' as const},
    {name: 'text', data: [...texts], type: 'STRING' as const},
  ];
  parquetWriteFile({filename, columnData, rowGroupSize: 7});
}
