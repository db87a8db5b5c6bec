import {once} from 'node:events';
import {availableParallelism, freemem} from 'node:os';
import {fileURLToPath} from 'node:url';
import {isBucketUrl} from '../data/bucket/url.ts';
import {LimbeckError} from '../errors.ts';
import type {RecipeChanges} from '../recipe/recipe.ts';
import {type Child, hasEnded, startChild} from './child.ts';
import {
  type DoneMessage,
  type RunMessage,
  sendingRunner,
  type TrialMessage,
  type WorkerMessage,
} from './job-messages.ts';
import {type JobListeners, type JobRunner, LocalRunner} from './jobs.ts';
import type {Study} from './study.ts';
import {engineOf, trainingThreads} from './training.ts';

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
  /** The bucket of the whole study's knowledge, if it is in one. */
  readonly knowledge?: string | undefined;
}

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
 * Opens what trains the students of a study.
 *
 * @param jobs - how many may be under way at once
 */
export type OpenRunner = (study: Study, jobs: number) => JobRunner;

/**
 * What trains the students of a study: worker processes, if it has some, or this process.
 *
 * @param jobs - how many may be under way at once
 */
export function openRunner(study: Study, jobs: number): JobRunner {
  const {workers, directory, knowledgeRoot, signal} = study;
  if (workers === undefined) return new LocalRunner(study);
  const threads = trainingThreads(study);
  const concurrency = workerCount(jobs, workers.count);
  // Alone, a worker would do nothing that this process does not, if it has as many threads.
  if (concurrency === 1 && threads === engineOf(study).threads) return new LocalRunner(study);
  const knowledge = isBucketUrl(knowledgeRoot) ? knowledgeRoot : undefined;
  const pool = new WorkerPool({...workers, threads, directory, knowledge}, signal);
  return sendingRunner(directory, pool.send, {concurrency, close: pool.close});
}

/** Worker processes. They are started as they are needed and used again; one that died is not. */
export class WorkerPool {
  readonly #setup: WorkerSetup;
  readonly #signal: AbortSignal | undefined;
  readonly #idle: Child[] = [];
  readonly #started: Child[] = [];
  readonly #closeAll = async (): Promise<void> => void (await Promise.all(this.#started.map(closeWorker)));

  constructor({module, threads, changes, directory, knowledge}: WorkerSetup, signal: AbortSignal | undefined) {
    this.#setup = {module, threads, changes, directory, knowledge};
    this.#signal = signal;
    signal?.addEventListener('abort', this.#closeAll, {once: true});
  }

  /** Does a job in a process that has nothing else to do. If that dies, it is done once more in another. */
  readonly send = (job: RunMessage | TrialMessage, listeners: JobListeners): Promise<DoneMessage> =>
    this.#attempt(job, listeners).catch((error: unknown) => {
      if (!(error instanceof WorkerCrash) || this.#signal?.aborted) throw error;
      return this.#attempt(job, listeners);
    });

  readonly close = async (): Promise<void> => {
    this.#signal?.removeEventListener('abort', this.#closeAll);
    await this.#closeAll();
  };

  async #attempt(job: RunMessage | TrialMessage, listeners: JobListeners): Promise<DoneMessage> {
    let worker = this.#idle.pop();
    if (worker === undefined) {
      worker = startWorker(this.#setup);
      this.#started.push(worker);
    }
    const done = await ask(worker, job, listeners).catch((error: unknown) => {
      if (!(error instanceof WorkerCrash)) this.#idle.push(worker);
      throw error;
    });
    this.#idle.push(worker);
    return done;
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

/** @throws WorkerCrash if the process ended; LimbeckError if the job itself failed */
function ask(
  {process: child, stderrTail}: Child,
  job: RunMessage | TrialMessage,
  {onProgress, onNote}: JobListeners,
): Promise<DoneMessage> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      child.off('message', listen).off('exit', crash).off('error', crash);
      end();
    };
    const listen = (message: WorkerMessage) => {
      if (message.kind === 'progress') onProgress(message.share, message.steps);
      else if (message.kind === 'note') onNote(message.note);
      else if (message.kind === 'failed') settle(() => reject(new LimbeckError(message.reason)));
      else settle(() => resolve(message));
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
