/** Labels data in shards by a batch lane, kills the process on the way, and counts: `npm run bench:lane`. See README.md. */
import {createWriteStream} from 'node:fs';
import {copyFile, mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {setTimeout} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {request} from 'undici';
import {openKnowledge} from '../../../src/knowledge/open-knowledge.ts';
import {checkBuilt} from '../../built.ts';
import {startService} from '../ask/library.ts';
import {Program} from '../scale/program.ts';
import {answerTo, CLASSES, textOf} from './texts.ts';

const {values} = parseArgs({
  options: {
    inputs: {type: 'string', default: '1000000'},
    tokens: {type: 'string', default: '60000000'},
    seconds: {type: 'string', default: '20'},
    kills: {type: 'string', default: '2'},
    learned: {type: 'boolean', default: false},
    json: {type: 'string'},
  },
});
const inputs = Number(values.inputs);
const kills = Number(values.kills);

interface Counts {
  readonly answered: number;
  readonly again: number;
  readonly alone: number;
  readonly batches: number;
  readonly refused: number;
  readonly mostTokens: number;
}

checkBuilt();
const folder = await mkdtemp(join(tmpdir(), 'limbeck-lane-'));
const service = await startService('../lane/service.ts', values.inputs, values.tokens, values.seconds);
try {
  await writeSet();
  const env = {
    ...{BENCH_URL: service.url, BENCH_INPUTS: values.inputs, OPENAI_API_KEY: 'none'},
    BENCH_TOKENS: values.learned ? '' : values.tokens,
  };
  const label = () => new Program(folder, ['label', 'recipe.ts', '--lane', 'batch'], {env});
  const begun = performance.now();
  const programs = [label()];
  let killed = 0;
  while (!programs.at(-1)!.hasEnded) {
    await setTimeout(500);
    const {answered} = await counts();
    if (killed === kills || answered < ((killed + 1) / (kills + 1)) * inputs) continue;
    await programs.at(-1)!.kill();
    killed++;
    programs.push(label());
  }
  await programs.at(-1)!.succeeded();
  const seconds = (performance.now() - begun) / 1000;
  const peakBytes = Math.max(...programs.map(({peak}) => peak.all));
  const results = {inputs, seconds, killed, peakBytes, wrong: await wrongAnswers(), ...(await counts())};
  for (const [name, value] of Object.entries(results)) console.log(`${name.padEnd(12)} ${Math.round(value)}`);
  if (values.json) await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
} finally {
  service.close();
  await rm(folder, {recursive: true, force: true});
}

async function writeSet(): Promise<void> {
  const root = join(import.meta.dirname, '../../..');
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules/limbeck'));
  await copyFile(join(import.meta.dirname, 'recipe.ts'), join(folder, 'recipe.ts'));
  await mkdir(join(folder, 'shards'));
  await pipeline(linesOf(inputs), createWriteStream(join(folder, 'shards/all.jsonl')));
  await writeFile(join(folder, 'test.jsonl'), '"to measure by"\n"and another"\n');
}

function* linesOf(count: number): Generator<string> {
  for (let number = 0; number < count; number++) yield `${JSON.stringify({text: textOf(number)})}\n`;
}

async function counts(): Promise<Counts> {
  const {body} = await request(`${service.url}/counts`);
  return (await body.json()) as Counts;
}

/** Inputs whose answer in the knowledge is missing, or not the one that the service gave. */
async function wrongAnswers(): Promise<number> {
  const stored = await openKnowledge(join(folder, 'out/lane/knowledge/black-box.shards'));
  let right = 0;
  for (let from = 0; from < stored.count; from += 10_000) {
    const rows = Array.from({length: Math.min(10_000, stored.count - from)}, (_, index) => from + index);
    const answers = await stored.readAnswers(rows);
    if (answers.kind !== 'label') throw new Error(`These are ${answers.kind}.`);
    for (const [index, row] of rows.entries()) if (CLASSES[answers.labels[index]!] === answerTo(row)) right++;
  }
  await stored.close();
  return inputs - right;
}
