import pLimit from 'p-limit';
import {LimbeckError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {type Executed, execute} from './run.ts';
import type {Study} from './study.ts';
import {type Job, openWorker, type StudyWorker, WorkerCrash, workerCount} from './workers.ts';

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
  const shares = new Float64Array(jobs.length);
  const run = jobRunner(study, jobs.length, knowledge);
  const report = (index: number, share: number) => {
    shares[index] = share;
    const done = shares.every(one => one === 1) ? jobs.length : shares.reduce((sum, one) => sum + one, 0);
    study.onProgress({task: `train ${jobs.length} students`, done, total: jobs.length});
  };
  try {
    const limit = pLimit(run.concurrency);
    return await Promise.all(
      jobs.map((job, index) =>
        limit(async () => {
          study.signal?.throwIfAborted();
          const outcome = await run.job(job, share => report(index, Math.min(share, 0.999))).catch(failureOf(study));
          report(index, 1);
          return outcome;
        }),
      ),
    );
  } finally {
    await run.close();
  }
}

/** Where jobs run. */
interface JobRunner {
  readonly concurrency: number;
  job(job: Job, onProgress: (share: number) => void): Promise<JobOutcome>;
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
    job: ({method, seed}, onProgress) =>
      execute(study, study.recipe.methods[method]!, knowledge[method]!, seed, {
        onStep: (step, steps) => onProgress(step / steps),
      }),
    close: async () => {},
  };
}

/** Workers are opened as they are needed and used again; one that died is not. */
function inWorkers(concurrency: number, open: () => StudyWorker, signal: AbortSignal | undefined): JobRunner {
  const idle: StudyWorker[] = [];
  const opened: StudyWorker[] = [];
  const closeAll = async () => void (await Promise.all(opened.map(worker => worker.close())));
  signal?.addEventListener('abort', closeAll, {once: true});
  const attempt = async (job: Job, onProgress: (share: number) => void) => {
    let worker = idle.pop();
    if (worker === undefined) {
      worker = open();
      opened.push(worker);
    }
    const executed = await worker.run(job, onProgress).catch((error: unknown) => {
      if (!(error instanceof WorkerCrash)) idle.push(worker);
      throw error;
    });
    idle.push(worker);
    return executed;
  };
  return {
    concurrency,
    job: (job, onProgress) =>
      attempt(job, onProgress).catch((error: unknown) => {
        if (!(error instanceof WorkerCrash) || signal?.aborted) throw error;
        return attempt(job, onProgress);
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
