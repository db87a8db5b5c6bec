/** Compares the time of training steps of Limbeck and others. See `../README.md`. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {cpus, tmpdir} from 'node:os';
import {join} from 'node:path';
import {Command, InvalidArgumentError, Option} from 'commander';
import {startEngine} from '../../../src/engine/engine.ts';
import {benchHeads, headsTable} from './heads.ts';
import {BATCH, MODELS, type ModelName} from './models.ts';
import {Peer} from './peer.ts';
import {pythonWithPeers} from './python.ts';
import {writeSharedFiles} from './shared-files.ts';
import {type Measurement, PEERS, type Row, rowsOf, tableOf} from './summary.ts';

interface Settings {
  readonly json?: string;
  readonly model: readonly (ModelName | 'heads')[];
  readonly rounds: number;
}

/** The result of one model. */
interface Result {
  readonly rows: readonly Row[];
  /** Versions and settings by peer. */
  readonly versions: Readonly<Record<string, unknown>>;
  /** Share of Limbeck's step that the batch and the teacher's answers take. */
  readonly dataShare: number;
}

const names = Object.keys(MODELS) as ModelName[];

const settings = new Command('bench:train')
  .description('Times one training step of Limbeck, plain TensorFlow.js, PyTorch and Keras, in turns.')
  .addOption(
    new Option('--model <name...>', 'only these models; heads: one student of three questions beside three')
      .choices([...names, 'heads'])
      .default(names, 'all but heads'),
  )
  .option('--rounds <number>', 'rounds over all of them', wholeNumber, 7)
  .option('--json <file>', 'also writes the figures to a file')
  .allowExcessArguments(false)
  .parse()
  .opts<Settings>();

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return value;
}

async function benchModel(model: ModelName, python: string): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-bench-'));
  const peers: Peer[] = [];
  try {
    await writeSharedFiles(folder, MODELS[model]);
    const versions: Record<string, unknown> = {};
    const losses: number[] = [];
    // One after the other, so that each finds its best settings on a quiet machine.
    for (const who of PEERS) {
      const peer = new Peer(who, {model, folder, python});
      peers.push(peer);
      versions[who] = await peer.ready();
      losses.push((await peer.run()).loss);
    }
    checkSameWork(model, losses);
    const rows = rowsOf(await measure(model, peers));
    const limbeck = rows.find(({who}) => who === 'limbeck')!;
    const dataMs = await peers[PEERS.indexOf('limbeck')]!.dataMs();
    return {rows, versions, dataShare: dataMs / limbeck.msPerStep};
  } finally {
    await Promise.all(peers.map(peer => peer.stop()));
    await rm(folder, {recursive: true});
  }
}

/** Checks that all peers do the same work: the same weights at the start, the same batches in the same order. */
function checkSameWork(model: string, losses: readonly number[]): void {
  const [least, most] = [Math.min(...losses), Math.max(...losses)];
  if (most - least <= 0.01 * least) return;
  const shown = losses.map((loss, index) => `${PEERS[index]} ${loss}`).join(', ');
  throw new Error(`The peers do not train the same thing. Mean loss of the first epoch of ${model}: ${shown}.`);
}

async function measure(model: string, peers: readonly Peer[]): Promise<Measurement[]> {
  const measurements = peers.map(({who}) => ({model, who, batch: BATCH, rounds: [] as number[]}));
  for (let round = 0; round < settings.rounds; round++) {
    for (const [index, peer] of peers.entries()) measurements[index]!.rounds.push((await peer.run()).msPerStep);
  }
  return measurements;
}

async function printHeads(): Promise<void> {
  const runs = [];
  for await (const run of benchHeads(settings.rounds)) runs.push(run);
  console.log(`heads, ${runs.length} seeds\n${headsTable(runs)}\n`);
}

async function main(): Promise<void> {
  const engine = await startEngine();
  if (engine.name !== 'native') throw new Error(`This compares the native engine, but WASM runs. ${engine.reason}`);
  if (settings.model.includes('heads')) await printHeads();
  const models = settings.model.filter(model => model !== 'heads');
  if (models.length === 0) return;
  const python = pythonWithPeers();
  const results: Result[] = [];
  for (const model of models) {
    const result = await benchModel(model, python);
    results.push(result);
    console.log(tableOf(result.rows));
    const percent = (100 * result.dataShare).toFixed(2);
    console.log(`${model}: ${percent} % of Limbeck's step goes to the batch and the teacher's kept answers.\n`);
  }
  if (settings.json === undefined) return;
  const machine = {processor: cpus()[0]!.model, cores: cpus().length, platform: `${process.platform} ${process.arch}`};
  const byModel = Object.fromEntries(results.map((result, index) => [models[index]!, result]));
  const details = Object.entries(byModel).map(([model, {versions, dataShare}]) => [model, {versions, dataShare}]);
  const report = {
    rows: results.flatMap(({rows}) => rows),
    rounds: settings.rounds,
    machine,
    models: Object.fromEntries(details),
  };
  await writeFile(settings.json, `${JSON.stringify(report, undefined, 2)}\n`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
