import {setImmediate} from 'node:timers/promises';
import {mixSeed} from '../data/random.ts';
import {TrainingError} from '../errors.ts';
import {checkOptions} from '../options.ts';
import type {Student} from '../student/student.ts';
import type {Batch} from './batch-source.ts';
import {BestWeights} from './best-weights.ts';
import {type Checkpoint, openCheckpoint} from './checkpoint.ts';
import {digestOf} from './fingerprint.ts';
import {checkFirstBatch} from './first-batch.ts';
import {fitOf} from './fit.ts';
import type {AnyKnowledge} from './lessons.ts';
import {type Epoch, type QuestionEpoch, TRAIN_KINDS, type TrainOptions} from './options.ts';
import {disposeBatch, Prefetch} from './prefetch.ts';
import {closeEpoch, freshProgress, type Progress} from './progress.ts';
import {type Run, startRun} from './run.ts';
import type {StepSettings} from './step.ts';
import {partOf} from './trend.ts';
import {type JointlyMeasured, measureOn} from './validation.ts';

/**
 * Trains a student, changing its weights, and yields after every epoch. The caller prints, saves or stops in its loop.
 *
 * @throws InputError if the options or the knowledge don't fit, or answers are left unread; TrainingError if the loss
 * is no longer a number, a term has no gradient, or nothing was learned in all epochs
 */
export async function* train(
  student: Student,
  knowledge: AnyKnowledge,
  options: TrainOptions,
): AsyncGenerator<Epoch, void, void> {
  checkOptions('train', options, TRAIN_KINDS, ['losses', 'seed']);
  const {earlyStopping, validation, validateEvery = 1} = options;
  const run = await startRun(student, knowledge, options);
  const {epochs, terms, lessons} = run;
  const progress = freshProgress(terms.length);
  const {stopwatch} = progress;
  const best = new BestWeights(run.weights, earlyStopping?.patience);
  let checkpoint: Checkpoint | undefined;
  try {
    checkpoint =
      options.checkpoint && (await openCheckpoint(options.checkpoint, {student, knowledge, run, best, progress}));
    const first = (batch: Batch) => checkFirstBatch(student, run, batch);
    const start = digestOfWeights(run);
    const from = progress.epochs.length;
    while (progress.epoch <= epochs && !best.isExhausted) {
      const {epoch} = progress;
      const means = await runEpoch(run, progress, checkpoint, first);
      run.stepper.sync('weights');
      stopwatch.lap('other');
      const due = validation !== undefined && (epoch % validateEvery === 0 || epoch === epochs);
      const measured = due ? await measureOn(validation, student, lessons, options) : undefined;
      stopwatch.lap('evaluation');
      const isBest = measured !== undefined && best.offer(measured.whole.accuracy);
      const done = {
        ...means,
        epoch,
        step: Math.min(epoch * run.stepsPerEpoch, run.steps),
        validation: measured?.whole,
        best: isBest,
        questions: questionsOf(run, means.terms, measured),
      };
      closeEpoch(progress, done);
      await checkpoint?.keepIfDue();
      stopwatch.lap('other');
      yield done;
      stopwatch.skip();
    }
    if (progress.epochs.length > from + 1) checkMoved(run, start, progress.epochs);
    best.restore();
    // With true labels as knowledge, the answers of a live teacher are known to no one afterwards.
    // A vector names no class, so that no share of learned answers can be told.
    const isOfClasses = student.output !== 'vector';
    if (options.onFit && isOfClasses && !(options.teacher && lessons[0]!.knowledge.source.access === 'truth')) {
      options.onFit(await fitOf(student, knowledge, {run, progress, stopped: best.isExhausted || run.isSolved}));
      stopwatch.lap('evaluation');
    }
  } catch (error) {
    // An abort happens between two steps. After any other failure the variables can have any value.
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
  stopwatch.lap('other');
  options.onProfile?.(stopwatch.profile);
}

async function runEpoch(
  run: Run,
  progress: Progress,
  checkpoint: Checkpoint | undefined,
  checkFirst: (batch: Batch) => Promise<void>,
): Promise<Pick<Epoch, 'loss' | 'terms' | 'learningRate'>> {
  const {stepsPerEpoch, steps, rates, source, options} = run;
  const {epoch, sums, course, stopwatch} = progress;
  const before = (epoch - 1) * stepsPerEpoch;
  const own = Math.min(stepsPerEpoch, steps - before);
  const batches = new Prefetch({
    source,
    epoch,
    batches: rowsFrom(run, progress),
    stopwatch,
    signal: options.signal,
  });
  try {
    let rested = performance.now();
    while (progress.step < own) {
      options.signal?.throwIfAborted();
      const step = before + progress.step;
      const seed = mixSeed(options.seed, `dropout of step ${step}`);
      stopwatch.lap('other');
      const batch = await batches.take();
      if (step === 0) await checkFirst(batch).catch(disposed(batch));
      const losses = runStep(run, batch, {learningRate: rates[step]!, seed, progress: (step + 1) / steps});
      stopwatch.lap('step');
      checkLosses(losses, step, run);
      for (const [term, value] of losses.entries()) sums[term]! += value;
      course[partOf(step, steps)]! += losses[0]!;
      progress.step++;
      options.onStep?.({step: step + 1, steps, loss: losses[0]!});
      await checkpoint?.keepIfDue();
      // The engine is synchronous, so signals, timers and services of this process get a turn here.
      if (performance.now() - rested > 50) {
        await setImmediate();
        rested = performance.now();
      }
    }
  } finally {
    await batches.close();
  }
  const means = Array.from(sums, sum => sum / own);
  const terms = run.terms.map(({name}, index) => [name, means[index + 1]!] as const);
  return {loss: means[0]!, terms: Object.fromEntries(terms), learningRate: rates[before + own - 1]!};
}

/** The rows of each remaining batch of the epoch under way. */
function* rowsFrom(run: Run, {epoch, step}: Progress): Generator<Int32Array> {
  const {count, batchSize, stepsPerEpoch, steps} = run;
  const order = run.order(epoch);
  const end = Math.min(count, (steps - (epoch - 1) * stepsPerEpoch) * batchSize);
  for (let start = step * batchSize; start < end; start += batchSize) yield order.subarray(start, start + batchSize);
}

/** Rethrows an error after it disposes of a batch that no step will use. */
function disposed(batch: Batch): (error: unknown) => never {
  return error => {
    disposeBatch(batch);
    throw error;
  };
}

function runStep({stepper}: Run, batch: Batch, settings: StepSettings): Float32Array {
  try {
    return stepper.run(batch, settings);
  } finally {
    disposeBatch(batch);
  }
}

function checkLosses([total]: Float32Array, step: number, {terms}: Run): void {
  if (Number.isFinite(total)) return;
  const names = terms.map(({name}) => name).join(' + ');
  throw new TrainingError(
    `The loss (${names}) is ${total} at step ${step}. Lower the learning rate, or set \`clipNorm\` to 1.`,
  );
}

/** Digest of the trained weights. */
function digestOfWeights({trainable}: Run): string {
  return digestOf(trainable.map(weight => weight.dataSync()));
}

/**
 * Checks that training changed the student. A student that is perfect from the start has a loss of 0; any other one
 * must have changed.
 *
 * @throws TrainingError if no weight has changed and the loss is not 0
 */
function checkMoved(run: Run, start: string, epochs: readonly Epoch[]): void {
  if (epochs.every(({loss}) => loss === 0) || digestOfWeights(run) !== start) return;
  const [first, last] = [epochs[0]!.loss, epochs.at(-1)!.loss];
  throw new TrainingError(
    `The loss never moved: ${first} in the first epoch, ${last} in the last, and no weight of the student has ` +
      `changed. Check the learning rate (${run.optimizer.learningRate}), its schedule, and which layers are trained.`,
  );
}

/** Each question by itself; undefined if the student answers one. */
function questionsOf(
  {lessons, terms}: Run,
  means: Epoch['terms'],
  measured: JointlyMeasured | undefined,
): Epoch['questions'] {
  if (lessons[0]!.name === undefined) return undefined;
  const one = (index: number): QuestionEpoch => {
    const own = terms.filter(({lesson}) => lesson === index);
    const loss = own.reduce((sum, {name, weight}) => sum + weight * means[name]!, 0);
    return {loss, validation: measured?.questions?.[lessons[index]!.name!]};
  };
  return Object.fromEntries(lessons.map(({name}, index) => [name!, one(index)]));
}
