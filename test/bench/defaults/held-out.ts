/** What it gains or costs to set answers apart and keep the best weights by them: `npm run bench:held-out`. */
import {appendFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import Table from 'cli-table3';
import {type Knowledge, predictLogits, startEngine, train} from 'limbeck';
import {accuracy} from 'limbeck/metrics';
import {shuffledIndices} from '../../../src/data/random.ts';
import {asSplit, type Split} from '../../../src/data/split.ts';
import {mean} from '../../../src/evaluate/statistics.ts';
import {partOf} from '../../../src/knowledge/knowledge.ts';
import {targetsOf} from '../../../src/losses/targets.ts';
import {type BenchSet, freshStudent, SETS} from './sets.ts';

const FIVE = ['vectors', 'noisy vectors', 'pixels', 'images', 'mails'];
const {values: flags} = parseArgs({
  options: {
    only: {type: 'string', multiple: true, default: FIVE},
    seeds: {type: 'string', default: '3'},
    jsonl: {type: 'string'},
  },
});
const seeds = Array.from({length: Number(flags.seeds)}, (_, index) => index + 1);

const ANSWERS = [300, 1000];

interface Way {
  readonly name: string;
  /** The share of the answers that is set apart. */
  readonly share: number;
  /** Measurements without a better one that end the run. */
  readonly patience: number;
}

/** A patience above all measurements of a run only restores the best weights. */
const WAYS: readonly Way[] = [
  {name: 'defaults', share: 0, patience: 0},
  {name: '10 % apart, best weights', share: 0.1, patience: 10_000},
  {name: '20 % apart, best weights', share: 0.2, patience: 10_000},
  {name: '20 % apart, early stop', share: 0.2, patience: 10},
];

interface Outcome {
  readonly agreement: number;
  readonly seconds: number;
}

async function ran(bench: BenchSet, {share, patience}: Way, seed: number): Promise<Outcome> {
  const student = freshStudent(bench, seed);
  const {training, validation} = parted(bench.knowledge, share, seed);
  const start = performance.now();
  const stopping = validation ? {validation, earlyStopping: {patience}} : {};
  for await (const _ of train(student, training, {losses: bench.losses, seed, ...stopping}));
  const seconds = (performance.now() - start) / 1000;
  const logits = await predictLogits(student, bench.test.inputs);
  student.model.dispose();
  return {agreement: accuracy(logits, bench.test.labels, bench.knowledge.classes.length), seconds};
}

interface Parted {
  readonly training: Knowledge;
  readonly validation?: Split<'validation'>;
}

/** Sets a share of the answers apart, drawn anew for each seed. */
function parted(knowledge: Knowledge, share: number, seed: number): Parted {
  if (share === 0) return {training: knowledge};
  const {count} = knowledge.answers;
  const order = shuffledIndices(count, seed, 'held out');
  const apart = Math.round(share * count);
  const {inputs, answers, classes} = partOf(knowledge, [...order.subarray(0, apart)]) as Knowledge;
  const {labels} = targetsOf(answers, classes.length);
  const training = partOf(knowledge, [...order.subarray(apart)]) as Knowledge;
  return {training, validation: asSplit('validation', {inputs, labels: Int32Array.from(labels)})};
}

const {name, threads} = await startEngine();
const start = performance.now();
const table = new Table({head: ['set', 'answers', ...WAYS.map(way => way.name)], style: {head: [], border: []}});
for (const set of flags.only) {
  for (const answers of ANSWERS) {
    const bench = await SETS[set]!(answers);
    const outcomes: (readonly Outcome[])[] = WAYS.map(() => []);
    // The ways take turns, so that a busy machine slows them alike.
    for (const seed of seeds) {
      for (const [index, way] of WAYS.entries()) {
        const outcome = await ran(bench, way, seed);
        outcomes[index] = [...outcomes[index]!, outcome];
        if (flags.jsonl)
          appendFileSync(flags.jsonl, `${JSON.stringify({set, answers, way: way.name, seed, ...outcome})}\n`);
      }
    }
    table.push([set, answers, ...outcomes.map(all => cell(all, outcomes[0]!))]);
  }
  console.error(`${set}: done`);
}
const minutes = ((performance.now() - start) / 60_000).toFixed(0);
console.log(
  `${table.toString()}\nAgreement in per cent, mean of ${seeds.length} seeds; in brackets points more than the defaults, then times their seconds. ${name}, ${threads} threads, ${minutes} minutes.`,
);

function cell(all: readonly Outcome[], defaults: readonly Outcome[]): string {
  const [agreement, seconds] = [mean(all.map(one => one.agreement)), mean(all.map(one => one.seconds))];
  if (all === defaults) return `${(100 * agreement).toFixed(1)} (${seconds.toFixed(1)} s)`;
  const more = 100 * (agreement - mean(defaults.map(one => one.agreement)));
  const times = seconds / mean(defaults.map(one => one.seconds));
  return `${(100 * agreement).toFixed(1)} (${more > 0 ? '+' : ''}${more.toFixed(1)}, ${times.toFixed(2)})`;
}
