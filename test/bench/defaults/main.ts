/** How near students that are trained by the defaults come to the best of a grid, and which are called underfitted. */
import {appendFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import Table from 'cli-table3';
import {adam, type Fit, type Optimizer, predictLogits, sgd, startEngine, type TrainOptions, train} from 'limbeck';
import {accuracy} from 'limbeck/metrics';
import {mean} from '../../../src/evaluate/statistics.ts';
import {type BenchSet, freshStudent, SETS} from './sets.ts';

const {values: flags} = parseArgs({
  options: {
    only: {type: 'string', multiple: true, default: Object.keys(SETS)},
    seeds: {type: 'string', default: '2'},
    jsonl: {type: 'string'},
  },
});
const seeds = Array.from({length: Number(flags.seeds)}, (_, index) => index + 1);

/** The grid: each rate of Adam with each number of steps, without weight decay. */
const RATES = [0.001, 0.003, 0.01, 0.03];
const STEPS = [300, 1000, 3000];

/** Students of texts, and those that convolve, take ten times as long and learn all of their answers in 300 steps. */
const QUICK = ['images', 'mails', 'languages'];
const stepsOf = ({set}: BenchSet): readonly number[] => (QUICK.includes(set) ? STEPS.slice(0, 2) : STEPS);

type Setting = Partial<Pick<TrainOptions, 'epochs' | 'steps' | 'batchSize' | 'optimizer'>>;

/** What earlier versions gave a recipe that says `epochs: 20`, and stochastic gradient descent in its place. */
const before = (optimizer: Optimizer): Setting => ({epochs: 20, batchSize: 64, optimizer});

interface Outcome {
  readonly agreement: number;
  readonly seconds: number;
  /** In how many of the runs the student was called underfitted. */
  readonly underfitted: number;
}

async function tried(bench: BenchSet, setting: Setting): Promise<Outcome> {
  const runs: {agreement: number; seconds: number; underfitted: boolean}[] = [];
  for (const seed of seeds) runs.push(await ran(bench, setting, seed));
  const outcome = {
    agreement: mean(runs.map(({agreement}) => agreement)),
    seconds: mean(runs.map(({seconds}) => seconds)),
    underfitted: runs.filter(({underfitted}) => underfitted).length,
  };
  const {optimizer, ...length} = setting;
  const written = {set: bench.set, optimizer: optimizer?.name, rate: optimizer?.learningRate, ...length, ...outcome};
  if (flags.jsonl) appendFileSync(flags.jsonl, `${JSON.stringify(written)}\n`);
  return outcome;
}

async function ran(bench: BenchSet, setting: Setting, seed: number) {
  const {knowledge, losses, test} = bench;
  const student = freshStudent(bench, seed);
  let fit: Fit | undefined;
  const onFit = (found: Fit): void => {
    fit = found;
  };
  const start = performance.now();
  for await (const _ of train(student, knowledge, {...setting, losses, seed, onFit}));
  const seconds = (performance.now() - start) / 1000;
  const logits = await predictLogits(student, test.inputs);
  student.model.dispose();
  return {agreement: accuracy(logits, test.labels, knowledge.classes.length), seconds, underfitted: fit!.underfitted};
}

const {name, threads} = await startEngine();
const percent = (share: number): string => (100 * share).toFixed(1);
const judged = ({agreement, underfitted}: Outcome): string => `${percent(agreement)} (${underfitted}/${seeds.length})`;
const table = new Table({
  head: ['set', 'student', 'defaults', 'best of grid', 'gap', 'seconds', 'Adam, 20 epochs', 'SGD, 20 epochs'],
  style: {head: [], border: []},
});
for (const set of flags.only) {
  const bench = await SETS[set]!();
  const defaults = await tried(bench, {});
  const grid: {agreement: number; setting: string}[] = [];
  for (const learningRate of RATES) {
    for (const steps of stepsOf(bench)) {
      const {agreement} = await tried(bench, {steps, batchSize: 32, optimizer: adam({learningRate})});
      grid.push({agreement, setting: `${learningRate}, ${steps}`});
    }
  }
  const best = grid.reduce((one, other) => (other.agreement > one.agreement ? other : one));
  const earlier = [await tried(bench, before(adam())), await tried(bench, before(sgd({learningRate: 0.01})))];
  const {knowledge} = bench;
  table.push([
    `${set}, ${knowledge.inputs.count} ${knowledge.detail.kind}`,
    freshStudent(bench, 1).model.name,
    judged(defaults),
    `${percent(best.agreement)} (${best.setting})`,
    (100 * (defaults.agreement - best.agreement)).toFixed(1),
    defaults.seconds.toFixed(1),
    ...earlier.map(judged),
  ]);
  console.error(`${set}: done`);
}
console.log(
  `${table.toString()}\nAgreement in per cent, mean of ${seeds.length} seeds; in brackets the runs called underfitted. ${name}, ${threads} threads.`,
);
