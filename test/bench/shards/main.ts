import {spawnSync} from 'node:child_process';
import {createWriteStream} from 'node:fs';
import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {parseArgs} from 'node:util';
import {cli} from '../../built.ts';

/** Rows of a shard. */
const SHARD = 100_000;
/** Rows that are labelled, from the middle of the set. */
const LABELLED = 10_000;

// Of `--rows 0` or `--whole 0` nothing is measured.
const {values} = parseArgs({
  options: {
    rows: {type: 'string', multiple: true, default: ['1000000', '10000000']},
    whole: {type: 'string', multiple: true, default: ['100000', '400000']},
  },
});
const RECIPE = join(import.meta.dirname, '../../fixtures/end-to-end/sharded.ts');
const PEAK = join(import.meta.dirname, 'peak.mjs');

interface Peak {
  readonly peakKiB: number;
  /** Without the pages of files, such as those of the store, which the system takes back as it needs them. */
  readonly ownKiB: number;
  readonly cpuSeconds: number;
}

/** Runs a command in a folder, and tells the most memory that its process held. */
async function measured(folder: string, size: number, args: readonly string[]): Promise<Peak> {
  const file = join(folder, 'peak.json');
  const env = {...process.env, PEAK_FILE: file, TEST_SHARDS: 'shards', TEST_SIZE: String(size)};
  const {status, stderr} = spawnSync(process.execPath, ['--import', PEAK, cli, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`limbeck ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return JSON.parse(await readFile(file, 'utf8')) as Peak;
}

/** Texts of 40 to 360 characters, no two alike. */
async function writeSet(folder: string, rows: number): Promise<void> {
  await mkdir(join(folder, 'shards'));
  for (let start = 0; start < rows; start += SHARD) {
    const name = `part-${String(start / SHARD).padStart(5, '0')}.jsonl`;
    await pipeline(linesOf(start, Math.min(rows, start + SHARD)), createWriteStream(join(folder, 'shards', name)));
  }
  await writeFile(join(folder, 'test.jsonl'), '"to measure by"\n"and another"\n');
}

function* linesOf(start: number, end: number): Generator<string> {
  for (let first = start; first < end; first += 1000) {
    const rows = Array.from({length: Math.min(1000, end - first)}, (_, index) => first + index);
    yield rows
      .map(row => `${JSON.stringify({text: `ticket ${row} ${'word '.repeat(6 + ((row * 7919) % 64))}`})}\n`)
      .join('');
  }
}

const lines: string[] = [];

function show(rows: number, what: string, {peakKiB, ownKiB, cpuSeconds}: Peak): void {
  const [peak, own] = [peakKiB, ownKiB].map(kiB => (kiB / 1024).toFixed(0));
  lines.push(`| ${rows.toLocaleString('en')} | ${what} | ${peak} | ${own} | ${cpuSeconds.toFixed(1)} |`);
  console.log(lines.at(-1));
}

/** Labels a part of a set of so many rows. */
async function measureParts(folder: string, rows: number): Promise<void> {
  const from = rows / 2;
  const label = ['label', RECIPE, '--rows', `${from}:${from + LABELLED}`];
  show(rows, 'first part: makes the index', await measured(folder, rows, label));
  await rm(join(folder, '.limbeck/answers'), {recursive: true});
  show(rows, 'another part', await measured(folder, rows, label));
  await rm(join(folder, '.limbeck/answers'), {recursive: true});
  const drawn = ['label', RECIPE, '--shard', `1/${rows / 10 / LABELLED}`];
  show(rows, 'a part of a tenth, drawn by the seed', await measured(folder, rows / 10, drawn));
  show(rows, 'plan of all', await measured(folder, rows, ['plan', RECIPE]));
}

/** Labels all of a set of so many rows, and trains on it. */
async function measureWhole(folder: string, rows: number): Promise<void> {
  show(rows, 'label all', await measured(folder, rows, ['label', RECIPE]));
  show(rows, 'train on all', await measured(folder, rows, ['train', RECIPE]));
}

for (const [sizes, measure] of [
  [values.rows, measureParts],
  [values.whole, measureWhole],
] as const) {
  for (const rows of sizes.map(Number).filter(size => size > 0)) {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-bench-shards-'));
    try {
      await writeSet(folder, rows);
      await measure(folder, rows);
    } finally {
      await rm(folder, {recursive: true});
    }
  }
}
console.log(
  `\n| rows | command | peak MiB | without files MiB | CPU s |\n| --: | --- | --: | --: | --: |\n${lines.join('\n')}`,
);
