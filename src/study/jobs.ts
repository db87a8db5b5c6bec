import {rm} from 'node:fs/promises';
import pLimit from 'p-limit';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {describeProfile, type Profile, sumOf} from '../train/profile.ts';
import type {AnsweredMethod, MethodChanges, TunedMethod} from './methods.ts';
import {checkpointPath, type Executed, execute} from './run.ts';
import type {Study} from './study.ts';
import {type Failure, failureOf} from './training.ts';
import {methodAt, type Setting} from './tune/settings.ts';
import {type TrialOutcome, tryOut} from './tune/trial.ts';
import {openWorker, type RunListeners, type StudyWorker, trainingThreads, WorkerCrash, workerCount} from './workers.ts';

/** A trained student, or why there is none. */
export type JobOutcome = Executed | Failure;

/** One run of a study: a method from one seed. */
export interface Job {
  readonly method: AnsweredMethod<Knowledge>;
  readonly seed: number;
}

/** One trial that tunes a method, at the recipe's first seed. */
export interface TrialJob {
  readonly method: AnsweredMethod<Knowledge>;
  readonly setting: Setting;
  readonly epochs: number;
}

/** A run that has ended. */
export interface TrainedRun {
  readonly method: TunedMethod<Knowledge>;
  readonly seed: number;
  readonly outcome: JobOutcome;
}

/**
 * Trains every method from every seed, in this process or in worker processes. A run whose worker dies is tried once more in
 * another; a run that fails is an outcome like others, and never takes the study with it.
 *
 * @returns the runs by method and seed, whatever order they ended in
 */
export async function trainMethods(
  study: Study,
  methods: readonly TunedMethod<Knowledge>[],
): Promise<readonly TrainedRun[]> {
  const jobs = methods.flatMap(method => study.recipe.seeds.map(seed => ({method, seed})));
  const telling = {...study, onNote: onlyOnce(study.onNote)};
  const progress = new JobProgress(study, jobs.length);
  const run = jobRunner(telling, jobs.length);
  try {
    const limit = pLimit(run.concurrency);
    const runs = await Promise.all(
      jobs.map((job, index) =>
        limit(async () => {
          study.signal?.throwIfAborted();
          const onProgress = (share: number) => progress.report(index, share);
          const outcome = await run.job(job, {onProgress, onNote: telling.onNote}).catch(failureOf(study));
          progress.end(index, outcome);
          return {...job, outcome};
        }),
      ),
    );
    await Promise.all(jobs.map(job => forgetRun(study, job)));
    return runs;
  } finally {
    await run.close();
  }
}

/** How far all jobs together are. */
class JobProgress {
  readonly #study: Study;
  readonly #shares: Float64Array;
  readonly #profiles: Profile[] = [];

  constructor(study: Study, jobs: number) {
    this.#study = study;
    this.#shares = new Float64Array(jobs);
  }

  report(job: number, share: number): void {
    this.#shares[job] = Math.min(share, 0.999);
    this.#tell(this.#shares.reduce((sum, one) => sum + one, 0));
  }

  /** The last one tells the time by task, over all runs that succeeded. */
  end(job: number, outcome: JobOutcome): void {
    if (!('failure' in outcome)) this.#profiles.push(outcome.profile);
    this.#shares[job] = 1;
    if (this.#shares.every(share => share === 1))
      this.#tell(this.#shares.length, describeProfile(sumOf(this.#profiles)));
    else this.#tell(this.#shares.reduce((sum, one) => sum + one, 0));
  }

  #tell(done: number, detail?: string): void {
    const total = this.#shares.length;
    this.#study.onProgress({task: `train ${total} students`, done, total, detail});
  }
}

/** A note that many runs share is told once. */
function onlyOnce(tell: (note: string) => void): (note: string) => void {
  const told = new Set<string>();
  return note => {
    if (told.has(note)) return;
    told.add(note);
    tell(note);
  };
}

/** Until all runs are done, the checkpoints of those that are spare a study that goes on to train them again. */
async function forgetRun({directory}: Study, {method, seed}: Job): Promise<void> {
  await rm(checkpointPath(directory, method, seed), {force: true});
}

/** Trains students, in this process or in others. */
export interface JobRunner {
  readonly concurrency: number;
  job(job: Job, listeners: RunListeners): Promise<JobOutcome>;
  trial(job: TrialJob, listeners: RunListeners): Promise<TrialOutcome>;
  close(): Promise<void>;
}

/** @param jobs - how many may be under way at once */
export function jobRunner(study: Study, jobs: number): JobRunner {
  const {workers, directory} = study;
  if (workers === undefined) return inThisProcess(study);
  const [concurrency, threads] = [workerCount(jobs, workers.count), trainingThreads(study)];
  // Alone, a worker would do nothing that this process does not, if it has as many threads.
  if (concurrency === 1 && threads === study.engine.threads) return inThisProcess(study);
  return inWorkers(concurrency, () => openWorker({module: workers.module, threads, directory}), study.signal);
}

function inThisProcess(study: Study): JobRunner {
  return {
    concurrency: 1,
    job: ({method, seed}, {onProgress}) => execute(study, method, seed, (step, steps) => onProgress(step / steps)),
    trial: ({method, setting, epochs}, {onProgress}) => tryOut(study, methodAt(method, setting), epochs, onProgress),
    close: async () => {},
  };
}

/** A worker has the recipe and the saved knowledge; it is sent which method, and how it differs. */
function sent({index, changes}: AnsweredMethod): {readonly method: number; readonly changes: MethodChanges} {
  return {method: index, changes};
}

/** Workers are opened as they are needed and used again; one that died is not. */
function inWorkers(concurrency: number, open: () => StudyWorker, signal: AbortSignal | undefined): JobRunner {
  const idle: StudyWorker[] = [];
  const opened: StudyWorker[] = [];
  const closeAll = async () => void (await Promise.all(opened.map(worker => worker.close())));
  signal?.addEventListener('abort', closeAll, {once: true});
  const attempt = async <T>(use: (worker: StudyWorker) => Promise<T>): Promise<T> => {
    let worker = idle.pop();
    if (worker === undefined) {
      worker = open();
      opened.push(worker);
    }
    const result = await use(worker).catch((error: unknown) => {
      if (!(error instanceof WorkerCrash)) idle.push(worker);
      throw error;
    });
    idle.push(worker);
    return result;
  };
  const twice = <T>(use: (worker: StudyWorker) => Promise<T>): Promise<T> =>
    attempt(use).catch((error: unknown) => {
      if (!(error instanceof WorkerCrash) || signal?.aborted) throw error;
      return attempt(use);
    });
  return {
    concurrency,
    job: ({method, seed}, listeners) => twice(worker => worker.run({...sent(method), seed}, listeners)),
    trial: ({method, setting, epochs}, listeners) =>
      twice(worker => worker.trial({...sent(method), setting, epochs}, listeners)),
    close: async () => {
      signal?.removeEventListener('abort', closeAll);
      await closeAll();
    },
  };
}
