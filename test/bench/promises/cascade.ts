/** Measures how often a cascade misses its promise. */
import {fork} from 'node:child_process';
import {join} from 'node:path';
import {startEngine} from 'limbeck';
import {allowedDisagreements} from '../../../src/evaluate/guarantee.ts';
import {mean} from '../../../src/evaluate/statistics.ts';
import {incompleteBeta, logGamma} from '../../../src/statistics/distributions.ts';
import type {DrawJob} from './cascade-child.ts';
import type {Draw} from './cascade-draw.ts';
import {type CascadeTask, TASKS} from './cascade-tasks.ts';

/** The outcome of the draws of one task. Shares are means over the draws, of the inputs that a draw left. */
export interface CascadeFigures {
  readonly task: string;
  readonly target: number;
  readonly draws: number;
  /** Number of draws in which the cascade agreed less often than the target on the remaining inputs. */
  readonly missed: number;
  /** The most draws that miss the target by chance, with 99 % probability, if the promise holds. */
  readonly mostMissed: number;
  readonly local: number;
  /** By the procedure that estimated the threshold from all answers, over every tenth draw. */
  readonly localPointEstimate: number;
  readonly missedPointEstimate: number;
  readonly drawsPointEstimate: number;
  /** With the best threshold in hindsight for the same students. */
  readonly localBest: number;
  /** The same for students that learned from all answers. */
  readonly localBestOfAll: number;
  /** Number of answers that a draw buys, of those that calibrate, and of the inputs that it leaves. */
  readonly answers: number;
  readonly apart: number;
  readonly left: number;
  readonly seconds: number;
}

export interface CascadeBenchOptions {
  /** @default 200 */
  readonly draws?: number;
  /** @default all */
  readonly tasks?: readonly string[];
}

const POINT_EVERY = 10;
const PROCESSES = 2;
const CONFIDENCE = 0.95;

/** Draws answers of each task many times, each time with a new student. */
export async function cascadePromises({
  draws = 200,
  tasks = Object.keys(TASKS),
}: CascadeBenchOptions = {}): Promise<CascadeFigures[]> {
  await startEngine();
  const figures: CascadeFigures[] = [];
  for (const name of tasks) {
    const started = performance.now();
    const task = await TASKS[name]!();
    const seeds = Array.from({length: draws}, (_, draw) => draw + 1);
    const shares = Array.from({length: PROCESSES}, (_, share) => seeds.filter(seed => seed % PROCESSES === share));
    const made = (await Promise.all(shares.map(share => drawAll(task, share)))).flat();
    figures.push(figuresOf(task, made, (performance.now() - started) / 1000));
  }
  return figures;
}

function drawAll(task: CascadeTask, seeds: readonly number[]): Promise<Draw[]> {
  const env = {...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '-1', OMP_NUM_THREADS: '1'};
  const child = fork(join(import.meta.dirname, 'cascade-child.ts'), {
    ...{env, execArgv: ['--import', 'tsx'], serialization: 'advanced'},
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    const made: Draw[] = [];
    child.on('message', (draw: Draw) => made.push(draw)).once('error', reject);
    child.once('exit', code =>
      made.length === seeds.length ? resolve(made) : reject(new Error(`A process of the bench ended with ${code}.`)),
    );
    child.send({task, seeds, pointEvery: POINT_EVERY} satisfies DrawJob);
  });
}

function figuresOf(
  {task, target, answers, inputs, probabilities}: CascadeTask,
  draws: readonly Draw[],
  seconds: number,
): CascadeFigures {
  const points = draws.flatMap(({point}) => point ?? []);
  const [{apart}] = draws as [Draw];
  const left = inputs.count - answers;
  const chance = probabilities ? 1 - CONFIDENCE : chanceOfMissing({target, apart, left});
  return {
    ...{task, target, draws: draws.length, missed: draws.filter(({isMissed}) => isMissed).length},
    ...{mostMissed: mostBy(draws.length, chance), local: mean(draws.map(({local}) => local))},
    localPointEstimate: mean(points.map(({local}) => local)),
    missedPointEstimate: points.filter(({isMissed}) => isMissed).length,
    drawsPointEstimate: points.length,
    localBest: mean(draws.map(({localBest}) => localBest)),
    localBestOfAll: mean(points.map(({localBest}) => localBest)),
    ...{answers, apart, left, seconds},
  };
}

/**
 * The largest probability that a guarantee is missed on the inputs that a draw leaves. They are a finite sample beside
 * the calibration answers: if more than b of them cost, and no more than k answers do, then of the b + 1 + k surest
 * that cost, wherever they fell, no more than k fell among the calibration answers, which is hypergeometric.
 */
export function chanceOfMissing({
  target,
  apart,
  left,
}: {
  readonly target: number;
  readonly apart: number;
  readonly left: number;
}): number {
  const allowed = allowedDisagreements(apart, {agreement: target, confidence: CONFIDENCE});
  const costly = Math.floor((1 - target) * left + 1e-9) + 1 + allowed;
  let chance = 0;
  for (let among = 0; among <= allowed; among++) {
    chance += Math.exp(
      logChoose(costly, among) + logChoose(apart + left - costly, apart - among) - logChoose(apart + left, apart),
    );
  }
  return chance;
}

function logChoose(of: number, chosen: number): number {
  return logGamma(of + 1) - logGamma(chosen + 1) - logGamma(of - chosen + 1);
}

/** The least number that events of this chance exceed in at most 1 % of cases. */
function mostBy(trials: number, chance: number): number {
  let most = 0;
  while (most < trials && incompleteBeta(chance, most + 1, trials - most) > 0.01) most++;
  return most;
}

/** True if the target was missed no more often than by chance. */
export function isKept({missed, mostMissed}: CascadeFigures): boolean {
  return missed <= mostMissed;
}

export function cascadeText(figures: readonly CascadeFigures[]): string {
  return figures.map(linesOf).join('\n');
}

function linesOf(figures: CascadeFigures): string {
  const {task, target, answers, apart, left, draws, missed, mostMissed, seconds} = figures;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const {local, localPointEstimate, missedPointEstimate, drawsPointEstimate, localBest, localBestOfAll} = figures;
  return (
    `${task}: ${answers} answers, ${apart} of them to calibrate, ${left} inputs left; target ${percent(target)}\n` +
    `  missed in ${missed} of ${draws} draws (${percent(missed / draws)}; up to ${mostMissed} by chance); answered locally ${percent(local)}\n` +
    `  best threshold in hindsight ${percent(localBest)}; of students of all answers ${percent(localBestOfAll)}\n` +
    `  point estimate: answered locally ${percent(localPointEstimate)}, missed in ${missedPointEstimate} of ${drawsPointEstimate} draws; ${seconds.toFixed(0)} s`
  );
}
