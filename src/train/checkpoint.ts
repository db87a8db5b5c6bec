import {mkdir, readdir, unlink} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import type {Tensor} from '../knowledge/safetensors.ts';
import type {Student} from '../student/student.ts';
import type {BestWeights} from './best-weights.ts';
import {type KeptRun, readCheckpoint, refusal, writeCheckpoint} from './checkpoint-file.ts';
import {differenceOf, type Fingerprint, fingerprintOf} from './fingerprint.ts';
import type {AnyKnowledge} from './lessons.ts';
import type {CheckpointOptions, Epoch} from './options.ts';
import type {Progress} from './progress.ts';
import type {Run} from './run.ts';

/** The parts of a run that a checkpoint keeps. If the run continues from one, `best` and `progress` are changed. */
export interface CheckpointParts {
  readonly student: Student;
  readonly knowledge: AnyKnowledge;
  readonly run: Run;
  readonly best: BestWeights;
  readonly progress: Progress;
}

/** Keeps a run on disk, so that it can continue after its process has ended in any way. */
export class Checkpoint {
  readonly #path: string;
  readonly #everySeconds: number;
  readonly #fingerprint: Fingerprint;
  readonly #parts: CheckpointParts;
  /** The progress of the run at the last write. */
  #kept = '';
  #keptAt = 0;
  #isBetweenSteps = true;

  constructor(path: string, everySeconds: number, fingerprint: Fingerprint, parts: CheckpointParts) {
    this.#path = path;
    this.#everySeconds = everySeconds;
    this.#fingerprint = fingerprint;
    this.#parts = parts;
  }

  /** Continues from the file, if there is one. Checks all of it before it changes anything. */
  async resume(): Promise<boolean> {
    const {run, best, progress} = this.#parts;
    const kept = await readCheckpoint(this.#path);
    if (kept === undefined) return false;
    this.#checkSameRun(kept);
    const weights = this.#tensors(kept, 'weights', run.weights);
    const state = this.#tensors(kept, 'state', run.state);
    const copies = kept.tensors.has('best/0') ? this.#tensors(kept, 'best', run.weights) : [];
    assignAll([...run.weights, ...run.state], [...weights, ...state]);
    best.load(kept.progress.best, copies.map(toEngine));
    progress.epoch = kept.progress.epoch;
    progress.step = kept.progress.step;
    progress.sums.set(kept.progress.sums);
    progress.course.set(kept.progress.course ?? []);
    progress.epochs.push(...kept.progress.epochs.map(fromKept));
    progress.stopwatch.add(kept.progress.profile);
    this.#noteKept();
    return true;
  }

  /** Writes the run if the last write was long enough ago. */
  async keepIfDue(): Promise<void> {
    if (performance.now() - this.#keptAt >= 1000 * this.#everySeconds) await this.keep();
  }

  /** Writes the current state of the run, between two steps. */
  async keep(): Promise<void> {
    const {run, best, progress} = this.#parts;
    if (!this.#isBetweenSteps || this.#kept === standing(progress)) return;
    run.stepper.sync('all');
    const tensors = new Map([
      ...named('weights', run.weights),
      ...named('state', run.state),
      ...named('best', best.copies),
    ]);
    const {epoch, step, sums, course, epochs, stopwatch} = progress;
    const {profile} = stopwatch;
    await writeCheckpoint(this.#path, {
      fingerprint: this.#fingerprint,
      progress: {
        epoch,
        step,
        sums: [...sums],
        course: [...course],
        epochs: epochs.map(toKept),
        best: best.standing,
        profile,
      },
      tensors,
    });
    this.#noteKept();
  }

  /** Ends all writing, because a step failed and the variables can have any value. */
  abandon(): void {
    this.#isBetweenSteps = false;
  }

  #noteKept(): void {
    this.#kept = standing(this.#parts.progress);
    this.#keptAt = performance.now();
  }

  #checkSameRun({fingerprint}: KeptRun): void {
    const difference = differenceOf(fingerprint, this.#fingerprint);
    if (difference === undefined) return;
    throw new InputError(
      `The checkpoint ${this.#path} is of another run. It differs in: ${difference}. ` +
        'Train with the same data and settings to go on, or delete the checkpoint to start afresh.',
    );
  }

  #tensors({tensors}: KeptRun, group: string, variables: readonly tf.Variable[]): Tensor[] {
    return variables.map(({shape}, index) => {
      const tensor = tensors.get(`${group}/${index}`);
      if (tensor?.shape.join() === shape.join()) return tensor;
      throw refusal(this.#path, `its ${group}/${index} is not of shape [${shape.join(', ')}]`);
    });
  }
}

/**
 * Starts to keep a run. Continues from the file if `resume` asks for it and the file exists, else writes the first
 * checkpoint.
 *
 * @throws InputError if the run can't continue from the file; KnowledgeError if the file can't be written
 */
export async function openCheckpoint(
  {path, everySeconds = 30, resume = false, onResume}: CheckpointOptions,
  parts: CheckpointParts,
): Promise<Checkpoint> {
  if (!(everySeconds >= 0)) {
    throw new InputError(`Expected \`checkpoint.everySeconds\` to be at least 0, got ${everySeconds}.`);
  }
  const {student, knowledge, run, progress} = parts;
  const checkpoint = new Checkpoint(path, everySeconds, await fingerprintOf(student, knowledge, run), parts);
  await prepareFolder(path);
  if (resume && (await goOn(checkpoint, resume))) {
    const step = (progress.epoch - 1) * run.stepsPerEpoch + progress.step;
    onResume?.({step, steps: run.steps, epochs: [...progress.epochs]});
  } else {
    // Written at once, so that an unwritable path is found before hours of work.
    await checkpoint.keep();
  }
  return checkpoint;
}

/** Returns true if the run continues from its file. With `if-possible`, an unusable file is ignored. */
async function goOn(checkpoint: Checkpoint, resume: true | 'if-possible'): Promise<boolean> {
  try {
    return await checkpoint.resume();
  } catch (error) {
    if (resume === 'if-possible' && error instanceof InputError) return false;
    throw error;
  }
}

/** Makes the folder, and removes temporary files of processes that were killed while they wrote. */
async function prepareFolder(path: string): Promise<void> {
  const folder = dirname(path);
  try {
    await mkdir(folder, {recursive: true});
    const halfWritten = (await readdir(folder)).filter(
      name => name.startsWith(`${basename(path)}.`) && /\.[\da-f-]{36}\.tmp$/.test(name),
    );
    for (const name of halfWritten) await unlink(join(folder, name));
  } catch (cause) {
    throw new InputError(
      `The checkpoint ${path} can't be written: ${(cause as Error).message}. Check the folder and its permissions.`,
      {cause},
    );
  }
}

const standing = ({epoch, step}: Progress): string => `${epoch}/${step}`;

function named(group: string, values: readonly tf.Tensor[]): [string, Tensor][] {
  return values.map((value, index) => [`${group}/${index}`, fromEngine(value)]);
}

function fromEngine(value: tf.Tensor): Tensor {
  const data = value.dataSync();
  return {dtype: data instanceof Int32Array ? 'I32' : 'F32', shape: value.shape, data} as Tensor;
}

function toEngine({dtype, shape, data}: Tensor): tf.Tensor {
  return tf.tensor(data as Float32Array | Int32Array, [...shape], dtype === 'I32' ? 'int32' : 'float32');
}

function assignAll(variables: readonly tf.Variable[], tensors: readonly Tensor[]): void {
  tf.tidy(() => {
    for (const [index, variable] of variables.entries()) variable.assign(toEngine(tensors[index]!));
  });
}

const toKept = (epoch: Epoch): KeptRun['progress']['epochs'][number] => ({
  ...epoch,
  terms: {...epoch.terms},
  validation: epoch.validation ?? null,
});

const fromKept = (epoch: KeptRun['progress']['epochs'][number]): Epoch => ({
  ...epoch,
  validation: epoch.validation ?? undefined,
});
