import {rm} from 'node:fs/promises';
import pLimit from 'p-limit';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {describeProfile, type Profile, sumOf} from '../train/profile.ts';
import {type Failure, failureOf} from './failure.ts';
import {checkpointPath, type Executed, execute} from './run.ts';
import type {Study} from './study.ts';
import {methodAt} from './tune/settings.ts';
import {type TrialOutcome, tryOut} from './tune/trial.ts';
import {
  type Job,
  openWorker,
  type RunListeners,
  type StudyWorker,
  type TrialJob,
  trainingThreads,
  WorkerCrash,
  workerCount,
} from './workers.ts';

/** What became of a job: a trained student, or why there is none. */
export type JobOutcome = Executed | Failure;

/**
 * Trains every student, in this process or in worker processes. A run whose worker dies is tried once more in another;
 * a run that fails is an outcome like others, and never takes the study with it.
 *
 * @param knowledge - what each method learns from, in the order of the recipe
 * @returns the outcomes in the order of the jobs, whatever order they came in
 */
export async function runJobs(
  study: Study,
  jobs: readonly Job[],
  knowledge: readonly Knowledge[],
): Promise<readonly JobOutcome[]> {
  const telling = {...study, onNote: onlyOnce(study.onNote)};
  const progress = new JobProgress(study, jobs.length);
  const run = jobRunner(telling, jobs.length, knowledge);
  try {
    const limit = pLimit(run.concurrency);
    const outcomes = await Promise.all(
      jobs.map((job, index) =>
        limit(async () => {
          study.signal?.throwIfAborted();
          const onProgress = (share: number) => progress.report(index, share);
          const outcome = await run.job(job, {onProgress, onNote: telling.onNote}).catch(failureOf(study));
          progress.end(index, outcome);
          return outcome;
        }),
      ),
    );
    await Promise.all(jobs.map(job => forgetRun(study, job)));
    return outcomes;
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

  /** The last one says where the time went, of all that came to an end. */
  end(job: number, outcome: JobOutcome): void {
    if (!('failure' in outcome)) this.#profiles.push(outcome.profile);
    this.#shares[job] = 1;
    if (this.#shares.every(share => share === 1))
      this.#tell(this.#shares.length, describeProfile(sumOf(this.#profiles)));
    else this.#tell(this.#shares.reduce((sum, one) => sum + one, 0));
  }

  #tell(done: number, detail?: string): void {
    const total = this.#shares.length;
    this.#study.onProgress({task: `train ${total} students`, done, total, ...(detail && {detail})});
  }
}

/** What is true of many runs is said of the first. */
function onlyOnce(tell: (note: string) => void): (note: string) => void {
  const told = new Set<string>();
  return note => {
    if (told.has(note)) return;
    told.add(note);
    tell(note);
  };
}

/** Until all runs are done, the checkpoints of those that are spare a study that goes on to train them again. */
async function forgetRun({directory, recipe}: Study, {method, seed}: Job): Promise<void> {
  await rm(checkpointPath(directory, recipe.methods[method]!, seed), {force: true});
}

/** Where students are trained. */
export interface JobRunner {
  readonly concurrency: number;
  job(job: Job, listeners: RunListeners): Promise<JobOutcome>;
  trial(job: TrialJob, listeners: RunListeners): Promise<TrialOutcome>;
  close(): Promise<void>;
}

/**
 * @param jobs - how many may be under way at once
 * @param knowledge - what each method learns from, in the order of the recipe
 */
export function jobRunner(study: Study, jobs: number, knowledge: readonly Knowledge[]): JobRunner {
  const {workers, directory} = study;
  if (workers === undefined) return inThisProcess(study, knowledge);
  const [concurrency, threads] = [workerCount(jobs, workers.count), trainingThreads(study)];
  // Alone, a worker would do nothing that this process does not, if it has as many threads.
  if (concurrency === 1 && threads === study.engine.threads) return inThisProcess(study, knowledge);
  return inWorkers(concurrency, () => openWorker({module: workers.module, threads, directory}), study.signal);
}

function inThisProcess(study: Study, knowledge: readonly Knowledge[]): JobRunner {
  return {
    concurrency: 1,
    job: ({method, seed, changes}, {onProgress}) =>
      execute(study, study.recipe.methods[method]!, knowledge[method]!, seed, {
        ...(changes && {changes}),
        onStep: (step, steps) => onProgress(step / steps),
      }),
    trial: ({method, setting, epochs}, {onProgress}) =>
      tryOut(study, methodAt(study.recipe.methods[method]!, setting), knowledge[method]!, epochs, onProgress),
    close: async () => {},
  };
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
    job: (job, listeners) => twice(worker => worker.run(job, listeners)),
    trial: (job, listeners) => twice(worker => worker.trial(job, listeners)),
    close: async () => {
      signal?.removeEventListener('abort', closeAll);
      await closeAll();
    },
  };
}
