import {once} from 'node:events';
import {availableParallelism, freemem} from 'node:os';
import {fileURLToPath} from 'node:url';
import {threadsSet} from '../engine/engine.ts';
import {LimbeckError} from '../errors.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {type Child, hasEnded, startChild} from './child.ts';
import type {MethodChanges} from './methods.ts';
import type {Executed} from './run.ts';
import type {Study} from './study.ts';
import type {Setting} from './tune/settings.ts';
import type {TrialOutcome} from './tune/trial.ts';

/** A run as a worker is sent it. */
export interface RunMessage {
  /** Index of the method in the recipe. */
  readonly method: number;
  readonly seed: number;
  readonly changes: MethodChanges;
}

/** A trial as a worker is sent it. */
export interface TrialMessage extends Omit<RunMessage, 'seed'> {
  readonly setting: Setting;
  readonly epochs: number;
}

/** The argument of a worker process. */
export interface WorkerSetup {
  /** Path of the module that exports the recipe. */
  readonly module: string;
  /** Threads that share an operation. */
  readonly threads: number;
  /** The study's folder: the worker reads knowledge there and saves students. */
  readonly directory: string;
}

/** A message of a worker process. */
export type WorkerMessage =
  | {readonly kind: 'progress'; readonly share: number}
  | {readonly kind: 'note'; readonly note: string}
  | {readonly kind: 'executed'; readonly executed: Executed}
  | {readonly kind: 'tried'; readonly outcome: TrialOutcome}
  | {readonly kind: 'failed'; readonly reason: string};

/** A worker process ended before its job did. */
export class WorkerCrash extends LimbeckError {}

/** Told of a run before it is done. */
export interface RunListeners {
  /** @param share - of its steps, from 0 to 1 */
  readonly onProgress: (share: number) => void;
  readonly onNote: (note: string) => void;
}

/** A process that trains students, one after another. */
export interface StudyWorker {
  /** @throws WorkerCrash if the process ended; LimbeckError if the run itself failed */
  run(job: RunMessage, listeners: RunListeners): Promise<Executed>;
  /** Throws as `run` does. */
  trial(job: TrialMessage, listeners: RunListeners): Promise<TrialOutcome>;
  /** Ends the process; the run under way is kept on disk. */
  close(): Promise<void>;
}

/**
 * How many threads each student of a study is trained with in a worker: what is left of the cores when all of its runs
 * train side by side. The number of workers has no say in it, since sums that are split among more threads end with other
 * last bits.
 */
export function threadsPerStudent(
  {methods, seeds}: Pick<Recipe, 'methods' | 'seeds'>,
  cores: number = availableParallelism(),
): number {
  return threadsSet() ?? Math.max(1, Math.floor(cores / (methods.length * seeds.length)));
}

/** How many threads share an operation while the students of a study are trained, in workers or in this process. */
export function trainingThreads({engine, workers, recipe}: Pick<Study, 'engine' | 'workers' | 'recipe'>): number {
  return workers && engine.name === 'native' ? threadsPerStudent(recipe) : engine.threads;
}

/** Memory that one worker is given room for: an engine, a data set and a student. */
const ROOM = 1 << 30;

/** Milliseconds that a worker may take to end its step and keep its run. */
const MOST_PATIENCE = 10_000;

/** As many workers as there are jobs, cores, and room in memory. */
export function workerCount(jobs: number, wanted: number = availableParallelism()): number {
  return Math.max(1, Math.min(jobs, wanted, Math.floor(freemem() / ROOM)));
}

const entry = fileURLToPath(new URL('./worker-process.js', import.meta.url));

/** Starts a worker; it stops when its channel closes. */
export function openWorker(setup: WorkerSetup): StudyWorker {
  const threads = String(setup.threads);
  const env = {
    ...process.env,
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: '-1',
    OMP_NUM_THREADS: threads,
  };
  const child = startChild(entry, [JSON.stringify(setup)], {env, serialization: 'advanced'});
  return {
    run: (job, listeners) => ask(child, job, listeners, message => message.kind === 'executed' && message.executed),
    trial: (job, listeners) => ask(child, job, listeners, message => message.kind === 'tried' && message.outcome),
    async close() {
      if (hasEnded(child.process)) return;
      const exited = once(child.process, 'exit');
      child.process.kill('SIGTERM');
      const tooLong = setTimeout(() => child.process.kill('SIGKILL'), MOST_PATIENCE);
      await exited;
      clearTimeout(tooLong);
    },
  };
}

/** @param resultIn - what a message says came of the job, if it does */
function ask<T>(
  {process: child, stderrTail}: Child,
  job: RunMessage | TrialMessage,
  {onProgress, onNote}: RunListeners,
  resultIn: (message: WorkerMessage) => T | false,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      child.off('message', listen).off('exit', crash).off('error', crash);
      end();
    };
    const listen = (message: WorkerMessage) => {
      const result = resultIn(message);
      if (result !== false) settle(() => resolve(result));
      else if (message.kind === 'progress') onProgress(message.share);
      else if (message.kind === 'note') onNote(message.note);
      else if (message.kind === 'failed') settle(() => reject(new LimbeckError(message.reason)));
    };
    const crash = () => {
      const how = child.signalCode ?? `code ${child.exitCode}`;
      settle(() => reject(new WorkerCrash(`Its process ended with ${how}. ${stderrTail()}`.trim())));
    };
    child.on('message', listen).once('exit', crash).once('error', crash);
    if (child.connected) child.send(job);
    else crash();
  });
}
