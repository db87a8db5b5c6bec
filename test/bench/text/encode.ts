/** Texts a second of a local encoder, and of sentence-transformers and ONNX Runtime in the same run. */
import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {Command} from 'commander';
import {startEngine} from 'limbeck';
import {openEncoder} from '../../../src/encoder/open.ts';
import {folderOf} from '../../../src/encoder/registry.ts';

interface Speed {
  readonly name: string;
  readonly textsPerSecond: number;
  /** On a busy machine it says more than the clock. */
  readonly cpuMs: number;
}

const {encoder, texts, count, python} = new Command('bench:encode')
  .description('Texts a second of a local encoder, sentence-transformers and ONNX Runtime.')
  .requiredOption('--texts <file>', 'JSON lines with `text`')
  .option('--encoder <name or folder>', 'the encoder', 'all-minilm-l6-v2')
  .option('--count <number>', 'the first texts of the file', Number, 1000)
  .option('--python <command>', 'Python with sentence-transformers and onnxruntime', 'python3')
  .parse()
  .opts<{readonly encoder: string; readonly texts: string; readonly count: number; readonly python: string}>();

const lines = readFileSync(texts, 'utf8').trim().split('\n').slice(0, count);
const sample = lines.map(line => (JSON.parse(line) as {readonly text: string}).text);

const {name: engine, threads} = await startEngine();

async function own(): Promise<Speed> {
  const opened = await openEncoder(encoder);
  await opened.encode(sample.slice(0, 100));
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  await opened.encode(sample);
  const seconds = (performance.now() - start) / 1000;
  const {user, system} = process.cpuUsage(cpu);
  await opened.close();
  return {
    name: `limbeck (${engine}, threads: ${threads})`,
    textsPerSecond: sample.length / seconds,
    cpuMs: (user + system) / 1000 / sample.length,
  };
}

function peers(): Speed[] {
  const script = join(import.meta.dirname, 'encode_peers.py');
  const input = JSON.stringify({folder: folderOf(encoder), texts: sample, threads});
  const {status, stdout, stderr, error} = spawnSync(python, [script], {
    input,
    encoding: 'utf8',
    env: {...process.env, OMP_WAIT_POLICY: 'passive'},
  });
  if (status === 0) return JSON.parse(stdout.split('\n').at(-2)!) as Speed[];
  console.error(`${python} runs no peer: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  return [];
}

function show({name, textsPerSecond, cpuMs}: Speed): void {
  console.log(`${name.padEnd(42)} ${textsPerSecond.toFixed(0).padStart(5)} texts/s  ${cpuMs.toFixed(2)} CPU ms a text`);
}

show(await own());
for (const speed of peers()) show(speed);
