import {rm} from 'node:fs/promises';
import pLimit from 'p-limit';
import {onceEach} from '../ask/notes.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {describeProfile, type Profile, sumOf} from '../train/profile.ts';
import type {RunJob} from './jobs.ts';
import type {TunedMethod} from './methods.ts';
import {count} from './report/format.ts';
import {checkpointPath, type Executed} from './run.ts';
import type {Study} from './study.ts';
import {type Failure, failureOf} from './training.ts';
import {openRunner} from './workers.ts';

/** A run that has ended. */
export interface TrainedRun extends RunJob {
  readonly method: TunedMethod<Knowledge>;
  /** A trained student, or why there is none. */
  readonly outcome: Executed | Failure;
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
  const {recipe, directory, signal, onProgress} = study;
  const jobs = methods.flatMap(method => recipe.seeds.map(seed => ({method, seed})));
  // A note that many runs share is told once.
  const onNote = onceEach(study.onNote);
  const progress = new JobProgress(jobs.length, onProgress);
  const runner = openRunner(study, jobs.length);
  try {
    const limit = pLimit(runner.concurrency);
    const runs = await limit.map(jobs, async (job, index) => {
      signal?.throwIfAborted();
      const onShare = (share: number, steps?: number) => progress.report(index, share, stepText(job, share, steps));
      const listeners = {onProgress: onShare, onNote};
      const outcome = await runner.run(job, listeners).catch(failureOf(signal));
      progress.end(index, outcome);
      return {...job, outcome};
    });
    // Until all runs are done, the checkpoints of those that are spare a study that goes on to train them again.
    await Promise.all(jobs.map(({method, seed}) => rm(checkpointPath(directory, method, seed), {force: true})));
    return runs;
  } finally {
    await runner.close();
  }
}

/** How far all jobs together are. */
class JobProgress {
  readonly #shares: Float64Array;
  readonly #profiles: Profile[] = [];
  readonly #onProgress: Study['onProgress'];

  constructor(jobs: number, onProgress: Study['onProgress']) {
    this.#shares = new Float64Array(jobs);
    this.#onProgress = onProgress;
  }

  /** @param detail - how far this run is, for people */
  report(job: number, share: number, detail: string | undefined): void {
    this.#shares[job] = Math.min(share, 0.999);
    this.#tell(detail);
  }

  /** The last one tells the time by task, over all runs that succeeded. */
  end(job: number, outcome: TrainedRun['outcome']): void {
    if (!('failure' in outcome)) this.#profiles.push(outcome.profile);
    this.#shares[job] = 1;
    const isLast = this.#shares.every(share => share === 1);
    this.#tell(isLast ? describeProfile(sumOf(this.#profiles)) : undefined);
  }

  #tell(detail?: string): void {
    const done = this.#shares.reduce((sum, one) => sum + one, 0);
    const total = this.#shares.length;
    this.#onProgress({task: `train ${total} students`, done, total, detail});
  }
}

function stepText({method: {method}, seed}: RunJob, share: number, steps: number | undefined): string | undefined {
  if (steps === undefined) return undefined;
  return `${method}, seed ${seed}: step ${count(Math.round(share * steps))} of ${count(steps)}`;
}
