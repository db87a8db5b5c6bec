import {once} from 'node:events';
import {availableParallelism, freemem} from 'node:os';
import {fileURLToPath} from 'node:url';
import {LimbeckError} from '../errors.ts';
import type {RecipeChanges} from '../recipe/recipe.ts';
import {type Child, hasEnded, startChild} from './child.ts';
import type {Executed, RunJob} from './execute.ts';
import {type JobListeners, type JobRunner, LocalRunner, type TrialJob} from './jobs.ts';
import type {JointJob} from './joint/teaching.ts';
import type {MethodChanges} from './methods.ts';
import type {Study} from './study.ts';
import {trainingThreads} from './training.ts';
import type {TrialOutcome} from './tune/trial.ts';

/** A run as a worker is sent it, which has the recipe and the saved knowledge: which method, and how it differs. */
export interface RunMessage extends Omit<RunJob, 'method'> {
  /** Index of the method in the recipe. */
  readonly method: number;
  /** For each question of the recipe; one if it has no `questions`. */
  readonly changes: readonly MethodChanges[];
}

/** A trial as a worker is sent it. */
export interface TrialMessage extends Pick<RunMessage, 'method' | 'changes'> {
  readonly epochs: number;
}

/** The argument of a worker process. */
export interface WorkerSetup {
  /** Path of the module that exports the recipe. */
  readonly module: string;
  /** Threads that share an operation. */
  readonly threads: number;
  /** How the study's recipe differs from the module's. */
  readonly changes?: RecipeChanges | undefined;
  /** The folder of the whole study: the worker reads knowledge there and saves students. */
  readonly directory: string;
}

/** A message of a worker process. */
export type WorkerMessage =
  | {readonly kind: 'progress'; readonly share: number; readonly steps?: number | undefined}
  | {readonly kind: 'note'; readonly note: string}
  /** The outcome for each question of the recipe; one if it has no `questions`. */
  | {readonly kind: 'executed'; readonly executed: readonly Executed[]}
  | {readonly kind: 'tried'; readonly outcome: TrialOutcome}
  | {readonly kind: 'failed'; readonly reason: string};

/** A worker process ended before its job did. */
class WorkerCrash extends LimbeckError {}

/** Memory that one worker is given room for: an engine, a data set and a student. */
const ROOM = 1 << 30;

/** Milliseconds that a worker may take to end its step and keep its run. */
const MOST_PATIENCE = 10_000;

/** As many workers as there are jobs, cores, and room in memory. */
function workerCount(jobs: number, wanted: number = availableParallelism()): number {
  return Math.max(1, Math.min(jobs, wanted, Math.floor(freemem() / ROOM)));
}

const entry = fileURLToPath(new URL('./worker-process.js', import.meta.url));

/**
 * What trains the students of a study: worker processes, if it has some, or this process.
 *
 * @param jobs - how many may be under way at once
 */
export function openRunner(study: Study, jobs: number): JobRunner {
  const {workers, directory, engine, signal} = study;
  if (workers === undefined) return new LocalRunner(study);
  const [concurrency, threads] = [workerCount(jobs, workers.count), trainingThreads(study)];
  // Alone, a worker would do nothing that this process does not, if it has as many threads.
  if (concurrency === 1 && threads === engine.threads) return new LocalRunner(study);
  return new WorkerPool(concurrency, {...workers, threads, directory}, signal);
}

/** Trains in worker processes. They are started as they are needed and used again; one that died is not. */
class WorkerPool implements JobRunner {
  readonly concurrency: number;
  readonly #setup: WorkerSetup;
  readonly #signal: AbortSignal | undefined;
  readonly #idle: Child[] = [];
  readonly #started: Child[] = [];
  readonly #closeAll = async (): Promise<void> => void (await Promise.all(this.#started.map(closeWorker)));

  constructor(concurrency: number, setup: WorkerSetup, signal: AbortSignal | undefined) {
    this.concurrency = concurrency;
    this.#setup = setup;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#closeAll, {once: true});
  }

  async run({method: {index, changes}, ...run}: RunJob, listeners: JobListeners): Promise<Executed> {
    const [executed] = await this.#run({method: index, changes: [changes], ...run}, listeners);
    return executed!;
  }

  runJointly({teaching: {parts, budget}, seed}: JointJob, listeners: JobListeners): Promise<readonly Executed[]> {
    const changes = parts.map(({method}) => method.changes);
    return this.#run({method: parts[0]!.method.index, changes, budget, seed}, listeners);
  }

  #run(job: RunMessage, listeners: JobListeners): Promise<readonly Executed[]> {
    return this.#twice(job, listeners, message => message.kind === 'executed' && message.executed);
  }

  trial({method: {index, changes}, epochs}: TrialJob, listeners: JobListeners): Promise<TrialOutcome> {
    const job = {method: index, changes: [changes], epochs};
    return this.#twice(job, listeners, message => message.kind === 'tried' && message.outcome);
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#closeAll);
    await this.#closeAll();
  }

  #twice<T>(...job: JobOfWorker<T>): Promise<T> {
    return this.#attempt(...job).catch((error: unknown) => {
      if (!(error instanceof WorkerCrash) || this.#signal?.aborted) throw error;
      return this.#attempt(...job);
    });
  }

  async #attempt<T>(...job: JobOfWorker<T>): Promise<T> {
    let worker = this.#idle.pop();
    if (worker === undefined) {
      worker = startWorker(this.#setup);
      this.#started.push(worker);
    }
    const result = await ask(worker, ...job).catch((error: unknown) => {
      if (!(error instanceof WorkerCrash)) this.#idle.push(worker);
      throw error;
    });
    this.#idle.push(worker);
    return result;
  }
}

/** Starts a worker; it stops when its channel closes. */
function startWorker(setup: WorkerSetup): Child {
  const threads = String(setup.threads);
  const env = {
    ...process.env,
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: '-1',
    OMP_NUM_THREADS: threads,
  };
  return startChild(entry, [JSON.stringify(setup)], {env, serialization: 'advanced'});
}

/** Ends the process; the run under way is kept on disk. */
async function closeWorker({process: child}: Child): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const tooLong = setTimeout(() => child.kill('SIGKILL'), MOST_PATIENCE);
  await exited;
  clearTimeout(tooLong);
}

type JobOfWorker<T> = readonly [
  job: RunMessage | TrialMessage,
  listeners: JobListeners,
  /** The result of the job, if a message has it. */
  resultIn: (message: WorkerMessage) => T | false,
];

/** @throws WorkerCrash if the process ended; LimbeckError if the job itself failed */
function ask<T>(
  {process: child, stderrTail}: Child,
  ...[job, {onProgress, onNote}, resultIn]: JobOfWorker<T>
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      child.off('message', listen).off('exit', crash).off('error', crash);
      end();
    };
    const listen = (message: WorkerMessage) => {
      const result = resultIn(message);
      if (result !== false) settle(() => resolve(result));
      else if (message.kind === 'progress') onProgress(message.share, message.steps);
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
