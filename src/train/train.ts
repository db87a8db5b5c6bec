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
import {type Checkpoint, openCheckpoint} from './checkpoint.ts';
import type {Epoch, TrainOptions} from './options.ts';
import {closeEpoch, freshProgress, type Progress} from './progress.ts';
import {type Run, startRun} from './run.ts';
import type {StepSettings} from './step.ts';

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
  const progress = freshProgress(options.losses.length);
  let checkpoint: Checkpoint | undefined;
  try {
    checkpoint =
      options.checkpoint && (await openCheckpoint(options.checkpoint, {student, knowledge, run, best, progress}));
    while (progress.epoch <= epochs && !best.isExhausted) {
      const {epoch} = progress;
      const means = await runEpoch(run, progress, checkpoint);
      run.stepper.sync();
      const due = validation !== undefined && (epoch % validateEvery === 0 || epoch === epochs);
      const measured = due ? await measure(student, validation, options.signal) : undefined;
      const isBest = measured !== undefined && best.offer(measured.accuracy);
      const done = {...means, epoch, step: epoch * run.stepsPerEpoch, validation: measured, best: isBest};
      closeEpoch(progress, done);
      await checkpoint?.keepIfDue();
      yield done;
    }
    best.restore();
  } catch (error) {
    // An abort comes between two steps; after any other failure the variables may be anywhere.
    if (error !== options.signal?.reason) checkpoint?.abandon();
    throw error;
  } finally {
    try {
      await checkpoint?.keep();
    } finally {
      best.dispose();
      run.dispose();
    }
  }
}

async function runEpoch(
  run: Run,
  progress: Progress,
  checkpoint: Checkpoint | undefined,
): Promise<Pick<Epoch, 'loss' | 'terms' | 'learningRate'>> {
  const {count, batchSize, stepsPerEpoch, steps, schedule, optimizer, options} = run;
  const {epoch, sums} = progress;
  const order = shuffledIndices(count, mixSeed(options.seed, `order of epoch ${epoch}`));
  const rateAt = (step: number): number => optimizer.learningRate * schedule(step, steps);
  let rested = performance.now();
  while (progress.step < stepsPerEpoch) {
    options.signal?.throwIfAborted();
    const index = progress.step;
    const step = (epoch - 1) * stepsPerEpoch + index;
    const rows = order.subarray(index * batchSize, (index + 1) * batchSize);
    const seed = mixSeed(options.seed, `dropout of step ${step}`);
    const losses = await runStep(run, rows, epoch, {learningRate: rateAt(step), seed});
    checkLosses(losses, step, options.losses);
    for (const [term, value] of losses.entries()) sums[term]! += value;
    progress.step++;
    options.onStep?.({step: step + 1, steps, loss: losses[0]!});
    await checkpoint?.keepIfDue();
    // The engine is synchronous: let signals, timers and services of this process have their turn.
    if (performance.now() - rested > 50) {
      await setImmediate();
      rested = performance.now();
    }
  }
  const means = Array.from(sums, sum => sum / stepsPerEpoch);
  const terms = Object.fromEntries(options.losses.map((term, index) => [term.name, means[index + 1]!]));
  return {loss: means[0]!, terms, learningRate: rateAt(epoch * stepsPerEpoch - 1)};
}

async function runStep(run: Run, rows: Int32Array, epoch: number, settings: StepSettings): Promise<Float32Array> {
  const batch = await run.source.batch(rows, epoch, run.options.signal);
  try {
    return run.stepper.run(batch, settings);
  } finally {
    tf.dispose({raw: batch.raw, targets: {...batch.targets}});
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
