import {setImmediate} from 'node:timers/promises';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import type {Split} from '../data/split.ts';
import {tf} from '../engine/tf.ts';
import {TrainingError} from '../errors.ts';
import {accuracy, nll} from '../evaluate/metrics.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {LossTerm} from '../losses/loss.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {BestWeights} from './best-weights.ts';
import type {Epoch, TrainOptions} from './options.ts';
import {type Run, startRun} from './run.ts';

/**
 * Trains a student in place and yields after every epoch; the caller prints, saves or stops by looping.
 *
 * @throws InputError where the options or the knowledge don't fit; TrainingError where the loss is no longer a number
 */
export async function* train(
  student: Student,
  knowledge: Knowledge,
  options: TrainOptions,
): AsyncGenerator<Epoch, void, void> {
  const {epochs, earlyStopping, validation, validateEvery = 1} = options;
  const run = await startRun(student, knowledge, options);
  const best = new BestWeights(run.weights, earlyStopping?.patience);
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const means = await runEpoch(run, epoch);
      run.stepper.sync();
      const due = validation !== undefined && (epoch % validateEvery === 0 || epoch === epochs);
      const measured = due ? await measure(student, validation, options.signal) : undefined;
      const isBest = measured !== undefined && best.offer(measured.accuracy);
      yield {...means, epoch, step: epoch * run.stepsPerEpoch, validation: measured, best: isBest};
      if (best.isExhausted) break;
    }
    best.restore();
  } finally {
    best.dispose();
    run.dispose();
  }
}

async function runEpoch(run: Run, epoch: number): Promise<Pick<Epoch, 'loss' | 'terms' | 'learningRate'>> {
  const {count, batchSize, stepsPerEpoch, steps, schedule, optimizer, options} = run;
  const order = shuffledIndices(count, mixSeed(options.seed, `order of epoch ${epoch}`));
  const sums = new Float64Array(1 + options.losses.length);
  let learningRate = 0;
  let rested = performance.now();
  for (let index = 0; index < stepsPerEpoch; index++) {
    options.signal?.throwIfAborted();
    const step = (epoch - 1) * stepsPerEpoch + index;
    learningRate = optimizer.learningRate * schedule(step, steps);
    const rows = order.subarray(index * batchSize, (index + 1) * batchSize);
    const losses = await runStep(run, rows, epoch, learningRate);
    checkLosses(losses, step, options.losses);
    for (const [term, value] of losses.entries()) sums[term]! += value;
    options.onStep?.({step: step + 1, steps, loss: losses[0]!});
    // The engine is synchronous: let signals, timers and services of this process have their turn.
    if (performance.now() - rested > 50) {
      await setImmediate();
      rested = performance.now();
    }
  }
  const means = Array.from(sums, sum => sum / stepsPerEpoch);
  const terms = Object.fromEntries(options.losses.map((term, index) => [term.name, means[index + 1]!]));
  return {loss: means[0]!, terms, learningRate};
}

async function runStep(run: Run, rows: Int32Array, epoch: number, learningRate: number): Promise<Float32Array> {
  const {raw, targets} = await run.source.batch(rows, epoch, run.options.signal);
  try {
    return run.stepper.run(raw, targets, learningRate);
  } finally {
    tf.dispose({raw, targets: {...targets}});
  }
}

function checkLosses([total]: Float32Array, step: number, losses: readonly LossTerm[]): void {
  if (Number.isFinite(total)) return;
  const names = losses.map(term => term.name).join(' + ');
  throw new TrainingError(
    `The loss (${names}) is ${total} at step ${step}. Lower the learning rate, or set \`clipNorm\` to 1.`,
  );
}

async function measure(
  student: Student,
  {inputs, labels}: Split<'validation'>,
  signal: AbortSignal | undefined,
): Promise<{accuracy: number; nll: number}> {
  const logits = await predictLogits(student, inputs, {...(signal && {signal})});
  const classes = student.classes.length;
  return {accuracy: accuracy(logits, labels, classes), nll: nll(logits, labels, classes)};
}
