import {type Executed, execute, type RunJob} from './execute.ts';
import {executeJointly} from './joint/execute.ts';
import type {JointJob} from './joint/teaching.ts';
import type {AnsweredMethod} from './methods.ts';
import type {Study} from './study.ts';
import {type TrialOutcome, tryOut} from './tune/trial.ts';

/** One trial that tunes a method, at the recipe's first seed. */
export interface TrialJob {
  /** With its losses as they are tried. */
  readonly method: AnsweredMethod;
  readonly epochs: number;
}

/** Told of a job before it is done. */
export interface JobListeners {
  /**
   * @param share - of its steps, from 0 to 1
   * @param steps - all of them, if a run tells them
   */
  readonly onProgress: (share: number, steps?: number) => void;
  readonly onNote: (note: string) => void;
}

/** Trains students, in this process or in others. */
export interface JobRunner {
  /** How many jobs may be under way at once. */
  readonly concurrency: number;
  /** @throws LimbeckError if the training came to nothing */
  run(job: RunJob, listeners: JobListeners): Promise<Executed>;
  /** Trains one student of several questions, and gives the outcome for each. Throws as `run` does. */
  runJointly(job: JointJob, listeners: JobListeners): Promise<readonly Executed[]>;
  /** Throws as `run` does. */
  trial(job: TrialJob, listeners: JobListeners): Promise<TrialOutcome>;
  close(): Promise<void>;
}

/** Trains in this process, one student after another. */
export class LocalRunner implements JobRunner {
  readonly concurrency = 1;
  readonly #study: Study;

  constructor(study: Study) {
    this.#study = study;
  }

  run(job: RunJob, {onProgress, onNote}: JobListeners): Promise<Executed> {
    return execute({...this.#study, onNote}, job, ({step, steps}) => onProgress(step / steps, steps));
  }

  runJointly(job: JointJob, {onProgress}: JobListeners): Promise<readonly Executed[]> {
    return executeJointly(job, ({step, steps}) => onProgress(step / steps, steps));
  }

  trial({method, epochs}: TrialJob, {onProgress}: JobListeners): Promise<TrialOutcome> {
    return tryOut(this.#study, method, epochs, onProgress);
  }

  async close(): Promise<void> {}
}
