import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {DistilResults} from '../../examples/cifar100/distil.ts';
import {inWords} from '../../examples/cifar100/estimate.ts';
import {distillation, objective, published, training} from '../../examples/cifar100/settings.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import {writeCifar100} from '../data/cifar-files.ts';
import {imageTask, parameters} from '../student/examples.ts';

const scratch = mkdtempSync(join(tmpdir(), 'limbeck-cifar100-'));
const data = join(scratch, 'data');
const root = join(import.meta.dirname, '../..');
const children: ChildProcess[] = [];

beforeAll(async () => {
  await startEngine();
  writeCifar100(data, {classes: 10, train: 200, test: 100, seed: 1});
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(scratch, {recursive: true});
});

/** Runs one of the repository's scripts to its end, or kills it once it has said something. */
async function run(args: readonly string[], killAt?: string): Promise<{said: string; code: number | null}> {
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {cwd: root});
  children.push(child);
  let said = '';
  const hear = (chunk: Buffer) => {
    said += chunk.toString();
    if (killAt !== undefined && said.includes(killAt)) child.kill('SIGKILL');
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const [code] = (await once(child, 'close')) as [number | null];
  return {said, code};
}

const example = (folder: string) => ['test/examples/cifar100-child.ts', data, join(scratch, folder), '12'];
/** Where a stage went on. */
const stepOf = (stage: string, said: string) =>
  Number(new RegExp(`^${stage}: goes on at step (\\d+) of 48$`, 'm').exec(said)?.[1]);
const file = (...path: string[]) => readFileSync(join(scratch, ...path));

describe('the CIFAR-100 example', () => {
  it('trains teacher, student and distilled student, and after a kill ends with the same bits', async () => {
    const [whole] = await Promise.all([run(example('whole')), run(example('killed'), 'distilled: epoch 2 of 12')]);
    expect(whole.code, whole.said).toBe(0);
    const {accuracy, weights} = JSON.parse(`${file('whole', 'results.json')}`) as DistilResults;
    expect(weights.teacher).toBeGreaterThan(weights.student);
    // A tenth of ten classes is chance; what is learned in 48 steps differs by a few percent between the engines.
    for (const percent of Object.values(accuracy)) expect(percent).toBeGreaterThan(30);

    const again = await run(example('killed'));
    expect([stepOf('teacher', again.said), stepOf('student', again.said)]).toEqual([48, 48]);
    expect(stepOf('distilled', again.said)).toBeGreaterThanOrEqual(8);
    expect(stepOf('distilled', again.said)).toBeLessThan(48);
    for (const stage of ['teacher', 'student', 'distilled']) {
      expect(file('killed', stage, 'weights.bin').equals(file('whole', stage, 'weights.bin'))).toBe(true);
    }
    expect(file('killed', 'results.json')).toEqual(file('whole', 'results.json'));
  }, 240_000);

  it('has networks with as many weights as those of the papers', () => {
    const task = {...imageTask([32, 32, 3]), classes: Array.from({length: 100}, (_, index) => `class ${index}`)};
    for (const [depth, weights] of [
      [56, 861_620],
      [20, 278_324],
    ] as const) {
      const student = resnetCifar({depth, shortcut: 'B'})(task, 1);
      expect(parameters(student).trained).toBe(weights);
      expect(weightsByHand(depth, 100)).toBe(weights);
      student.model.dispose();
    }
  });

  it('has the schedule of the papers: the rate drops after 150, 180 and 210 of 240 epochs', () => {
    const stepsPerEpoch = Math.ceil(50_000 / training.batchSize);
    const rateAfter = (epochs: number, step = 0) =>
      training.optimizer.learningRate * training.schedule(epochs * stepsPerEpoch + step, 240 * stepsPerEpoch);
    expect(rateAfter(0)).toBe(0.05);
    for (const [drop, [before, after]] of [
      [150, [0.05, 0.005]],
      [180, [0.005, 0.0005]],
      [210, [0.0005, 0.00005]],
    ] as const) {
      expect(rateAfter(drop, -1)).toBeCloseTo(before, 10);
      expect(rateAfter(drop)).toBeCloseTo(after, 10);
    }
    expect(training.view.name).toBe('crop 4, flip');
  });

  it('weighs true labels and soft labels as the papers do', () => {
    const [ce, kl] = distillation(objective);
    expect(ce).toMatchObject({name: 'true-labels', weight: 0.1});
    expect(kl).toMatchObject({name: 'soft-labels', weight: 0.9, temperature: 4});
    expect(published['56-20']).toEqual({teacher: 72.34, student: 69.06, distilled: 70.66});
  });

  it('says what it needs where the folder is not named, and which file is missing', async () => {
    const main = 'examples/cifar100/main.ts';
    const [unnamed, elsewhere] = await Promise.all([run([main]), run([main, join(scratch, 'nowhere')])]);
    expect(unnamed.code).toBe(1);
    expect(unnamed.said).toContain('Name the folder of the binary version of CIFAR-100');
    expect(elsewhere.said).toContain('Check that it exists');
  });

  it('says how long in words', () => {
    expect([0.4, 59, 61, 3700, 197_000].map(inWords)).toEqual(['1 s', '1 min', '1 min', '1 h 2 min', '55 h']);
  });
});

/** From RepDistiller's models/resnet.py: all convolutions without bias, batch norm of two numbers a channel. */
function weightsByHand(depth: number, classes: number): number {
  const blocks = (depth - 2) / 6;
  const convolution = (kernel: number, from: number, to: number) => kernel ** 2 * from * to + 2 * to;
  let [total, from] = [convolution(3, 3, 16), 16];
  for (const width of [16, 32, 64]) {
    for (let block = 0; block < blocks; block++) {
      total += convolution(3, from, width) + convolution(3, width, width);
      if (from !== width) total += convolution(1, from, width);
      from = width;
    }
  }
  return total + 64 * classes + classes;
}
