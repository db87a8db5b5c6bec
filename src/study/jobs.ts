import {rm} from 'node:fs/promises';
import pLimit from 'p-limit';
import {LimbeckError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {describeProfile, type Profile, sumOf} from '../train/profile.ts';
import {checkpointPath, type Executed, execute} from './run.ts';
import type {Study} from './study.ts';
import {type Job, openWorker, type RunListeners, type StudyWorker, WorkerCrash, workerCount} from './workers.ts';

/** What became of a job: a trained student, or why there is none. */
export type JobOutcome = Executed | {readonly failure: string};

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

/** Where jobs run. */
interface JobRunner {
  readonly concurrency: number;
  job(job: Job, listeners: RunListeners): Promise<JobOutcome>;
  close(): Promise<void>;
}

function jobRunner(study: Study, jobs: number, knowledge: readonly Knowledge[]): JobRunner {
  const {workers, directory} = study;
  const concurrency = workers ? workerCount(jobs, workers.count) : 1;
  if (workers === undefined || concurrency === 1) return inThisProcess(study, knowledge);
  return inWorkers(concurrency, () => openWorker({module: workers.module, directory}), study.signal);
}

function inThisProcess(study: Study, knowledge: readonly Knowledge[]): JobRunner {
  return {
    concurrency: 1,
    job: ({method, seed}, {onProgress}) =>
      execute(study, study.recipe.methods[method]!, knowledge[method]!, seed, (step, steps) =>
        onProgress(step / steps),
      ),
    close: async () => {},
  };
}

/** Workers are opened as they are needed and used again; one that died is not. */
function inWorkers(concurrency: number, open: () => StudyWorker, signal: AbortSignal | undefined): JobRunner {
  const idle: StudyWorker[] = [];
  const opened: StudyWorker[] = [];
  const closeAll = async () => void (await Promise.all(opened.map(worker => worker.close())));
  signal?.addEventListener('abort', closeAll, {once: true});
  const attempt = async (job: Job, listeners: RunListeners) => {
    let worker = idle.pop();
    if (worker === undefined) {
      worker = open();
      opened.push(worker);
    }
    const executed = await worker.run(job, listeners).catch((error: unknown) => {
      if (!(error instanceof WorkerCrash)) idle.push(worker);
      throw error;
    });
    idle.push(worker);
    return executed;
  };
  return {
    concurrency,
    job: (job, listeners) =>
      attempt(job, listeners).catch((error: unknown) => {
        if (!(error instanceof WorkerCrash) || signal?.aborted) throw error;
        return attempt(job, listeners);
      }),
    close: async () => {
      signal?.removeEventListener('abort', closeAll);
      await closeAll();
    },
  };
}

/** What a run may fail of is an outcome; an abort, and a fault of the program's own, end the study. */
function failureOf({signal}: Study): (error: unknown) => {readonly failure: string} {
  return error => {
    signal?.throwIfAborted();
    if (error instanceof LimbeckError) return {failure: error.message};
    throw error;
  };
}
