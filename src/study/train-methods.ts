import pLimit from 'p-limit';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {describeProfile, type Profile, sumOf} from '../train/profile.ts';
import {type Executed, keptRun, type RunJob} from './execute.ts';
import type {JobListeners, JobRunner} from './jobs.ts';
import type {TunedMethod} from './methods.ts';
import {count, counted} from './report/format.ts';
import type {Study} from './study.ts';
import {type Failure, failureOf} from './training.ts';
import {type OpenRunner, openRunner} from './workers.ts';

/** One run of a study's own methods. */
export interface MethodJob extends RunJob {
  readonly method: TunedMethod<Knowledge>;
}

/** A run that has ended. */
export interface TrainedRun<T> {
  readonly job: MethodJob;
  /** The measured student, or why there is none. */
  readonly outcome: T | Failure;
}

/** How the students of a study are trained. */
interface Training<E, T> {
  /** The outcome of a run that an earlier study kept. */
  kept(job: MethodJob): Promise<E | undefined>;
  run(runner: JobRunner, job: MethodJob, listeners: JobListeners): Promise<E>;
  profileOf(outcome: E): Profile;
  /** Called with each outcome as soon as there is one, since its answers take memory. */
  measure(job: MethodJob, outcome: E): T;
  /** @default worker processes, or this process */
  readonly openRunner?: OpenRunner | undefined;
}

/** Trains the students of one question: see `trainAll`. */
export function trainMethods<T extends object>(
  study: Study,
  methods: readonly TunedMethod<Knowledge>[],
  options: Pick<Training<Executed, T>, 'measure' | 'openRunner'>,
): Promise<readonly TrainedRun<T>[]> {
  return trainAll<Executed, T>(study, methods, {
    kept: job => keptRun(study, job),
    run: (runner, job, listeners) => runner.run(job, listeners),
    profileOf: ({profile}) => profile,
    ...options,
  });
}

/**
 * Trains every method at every budget from every seed, in this process or in worker processes. Runs that an earlier study
 * kept are not trained again. A run whose worker dies is tried once more in another; a run that fails is an outcome like
 * others, and never takes the study with it.
 *
 * @returns the runs by method, budget and seed, whatever order they ended in
 */
export async function trainAll<E extends object, T extends object>(
  study: Study,
  methods: readonly TunedMethod<Knowledge>[],
  training: Training<E, T>,
): Promise<readonly TrainedRun<T>[]> {
  const {onNote} = study;
  const runs: {readonly job: MethodJob; outcome?: T | Failure}[] = [];
  for (const job of jobsOf(study, methods)) {
    const kept = await training.kept(job);
    runs.push(kept ? {job, outcome: training.measure(job, kept)} : {job});
  }
  const open = runs.filter(({outcome}) => outcome === undefined);
  const note = noteOnJobs(study, open.length, runs.length - open.length);
  if (note !== undefined) onNote(note);
  await runAll(study, open, training, (run, outcome) => {
    run.outcome = 'failure' in outcome ? outcome : training.measure(run.job, outcome);
  });
  return runs.map(({job, outcome}) => ({job, outcome: outcome!}));
}

/** The runs of a study, by method, budget and seed. */
function jobsOf({recipe: {seeds, budgets}}: Study, methods: readonly TunedMethod<Knowledge>[]): readonly MethodJob[] {
  const jobs: MethodJob[] = [];
  for (const method of methods) {
    // At the largest budget a method learns from all that it has.
    for (const budget of [...(budgets?.sizes.slice(0, -1) ?? []), undefined]) {
      for (const seed of seeds) jobs.push({method, budget, seed});
    }
  }
  return jobs;
}

/** Says how much is new, before it begins. */
function noteOnJobs({recipe: {methods, seeds, budgets}}: Study, open: number, kept: number): string | undefined {
  if (kept > 0) {
    return `Trains ${counted(open, 'student')}; ${counted(kept, 'other')} of this study ${kept === 1 ? 'is' : 'are'} kept.`;
  }
  if (budgets === undefined) return undefined;
  const factors = [counted(methods.length, 'method'), `${budgets.sizes.length} budgets`, counted(seeds.length, 'seed')];
  return `Trains ${counted(open, 'student')}: ${factors.join(' × ')}, ${counted(budgets.steps, 'step')} each.`;
}

async function runAll<R extends {readonly job: MethodJob}, E extends object>(
  study: Study,
  runs: readonly R[],
  {openRunner: open = openRunner, ...training}: Pick<Training<E, unknown>, 'run' | 'profileOf' | 'openRunner'>,
  onEnd: (run: R, outcome: E | Failure) => void,
): Promise<void> {
  if (runs.length === 0) return;
  const {signal, onNote} = study;
  const progress = new JobProgress(runs.length, study.onProgress);
  const runner = open(study, runs.length);
  try {
    await pLimit(runner.concurrency).map(runs, async (run, index) => {
      signal?.throwIfAborted();
      const {job} = run;
      const onShare = (share: number, steps?: number) => progress.report(index, share, stepText(job, share, steps));
      const outcome = await training.run(runner, job, {onProgress: onShare, onNote}).catch(failureOf(signal));
      progress.end(index, 'failure' in outcome ? undefined : training.profileOf(outcome));
      onEnd(run, outcome);
    });
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

  /**
   * The last one tells the time by task, over all runs that succeeded.
   *
   * @param profile - undefined if the run failed
   */
  end(job: number, profile: Profile | undefined): void {
    if (profile !== undefined) this.#profiles.push(profile);
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

function stepText({method: {method}, budget, seed}: RunJob, share: number, steps: number | undefined) {
  if (steps === undefined) return undefined;
  const at = budget === undefined ? '' : `, ${counted(budget, 'input')}`;
  return `${method}${at}, seed ${seed}: step ${count(Math.round(share * steps))} of ${count(steps)}`;
}
